"""Parses the values of From, To, Contact, Route and similar headers: addresses with a name and
parameters."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from onehttp_compat.sip.uri import SipUri, params_of, parse_uri, split_outside_quotes

_quoted_name = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL).match


@dataclass(frozen=True, slots=True)
class Address:
    """``name <uri>;params``."""

    name: str
    """With its quotation marks; empty if there is none."""
    uri: str
    params: str
    """Without the first semicolon."""

    def param(self, name: str) -> str | None:
        """Return a parameter of the header, not of the URI. None if there is no such parameter."""
        return params_of(self.params).get(name.lower())

    @property
    def parsed_uri(self) -> SipUri | None:
        return parse_uri(self.uri)


@functools.lru_cache(maxsize=1024)
def parse_address(text: str) -> Address | None:
    """Parse the first address of a header. None if the server's parser would refuse it."""
    text = text.strip(" \t\r\n")
    if "\0" in text:
        return None
    quoted = _quoted_name(text)
    if quoted is None and text.startswith('"'):
        return None
    rest = text[quoted.end() if quoted else 0 :].lstrip()
    before, opened, after = rest.partition("<")
    if quoted is not None:
        if before or not opened:
            return None
        name = quoted[0]
    elif opened and not _has_params(before):
        name = before.strip()
    else:
        uri, _, params = _up_to_comma(text).partition(";")
        return Address("", uri.strip(), params.strip()) if uri.strip() else None
    uri, closed, params = after.partition(">")
    if not closed:
        return None
    params = _up_to_comma(params).strip().removeprefix(";")
    return Address(name, uri.strip(), params.strip())


def split_addresses(text: str) -> list[str]:
    """Split a header that may contain several addresses. Their texts are not changed."""
    return [part.strip() for part in split_outside_quotes(text, ",") if part.strip()]


def contacts(text: str) -> list[str]:
    """Split one Contact header. As in the server, the last address comes first."""
    return [] if text == "*" else split_addresses(text)[::-1]


def _up_to_comma(text: str) -> str:
    return split_outside_quotes(text, ",")[0]


def _has_params(before: str) -> bool:
    return ";" in before or ":" in before
