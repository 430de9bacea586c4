"""Via headers: which way a request has come."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from onehttp_compat.sip.uri import params_of, split_outside_quotes

_via = re.compile(
    r"\s*SIP\s*/\s*2\.0\s*/\s*(?P<transport>[A-Za-z-]+)\s+"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:;,\[\]]+)(?:\s*:\s*(?P<port>\d{1,5}))?"
    r"\s*(?:;(?P<params>.*))?",
    re.DOTALL | re.IGNORECASE,
).fullmatch


@dataclass(frozen=True, slots=True)
class Via:
    """One hop."""

    transport: str
    host: str
    port: int
    """0 where it is not said."""
    params: str

    def param(self, name: str) -> str | None:
        """The value of a parameter, empty where it has none; None: no such parameter."""
        return params_of(self.params).get(name)


@functools.lru_cache(maxsize=256)
def parse_via(text: str) -> Via | None:
    """One hop; None where the server's parser refuses it."""
    match = _via(text.strip())
    if match is None:
        return None
    return Via(match["transport"], match["host"], int(match["port"] or 0), match["params"] or "")


def split_vias(text: str) -> list[str]:
    """The hops of one header."""
    return [part.strip() for part in split_outside_quotes(text, ",") if part.strip()]
