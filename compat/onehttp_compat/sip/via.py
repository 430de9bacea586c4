"""Parses Via headers, which list the hops of a request."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import NamedTuple

from onehttp_compat.sip.uri import params_of, split_outside_quotes

_via = re.compile(
    r"\s*SIP\s*/\s*2\.0\s*/\s*(?P<transport>[A-Za-z-]+)\s+"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:;,\[\]]+)(?:\s*:\s*(?P<port>\d{1,5}))?"
    r"\s*(?:;(?P<params>.*))?",
    re.DOTALL | re.IGNORECASE,
).fullmatch


@dataclass(frozen=True, slots=True)
class Via:
    """A hop."""

    transport: str
    host: str
    port: int
    """0 if it is not given."""
    params: str

    def param(self, name: str) -> str | None:
        """Return a parameter, which may be empty. None if there is no such parameter."""
        return params_of(self.params).get(name)


@functools.lru_cache(maxsize=256)
def parse_via(text: str) -> Via | None:
    """Parse a hop. None if the server's parser would refuse it."""
    match = _via(text.strip())
    if match is None:
        return None
    return Via(match["transport"], match["host"], int(match["port"] or 0), match["params"] or "")


def split_vias(text: str) -> list[str]:
    """Split a header into its hops."""
    return [part.strip() for part in split_outside_quotes(text, ",") if part.strip()]


def listed_vias(text: str) -> list[str]:
    """The same as the server splits it: each hop keeps the comma behind it."""
    *others, last = split_vias(text) or [""]
    return [*(f"{one}," for one in others), last]


class WayBack(NamedTuple):
    """The destination of a reply."""

    host: str
    port: int
    """0 if it is not given."""
    protocol: str
    """In lower case."""

    @property
    def uri(self) -> str:
        port = f":{self.port}" if self.port else ""
        return f"sip:{self.host}{port};transport={self.protocol}"


def way_back(vias: list[str]) -> WayBack | None:
    """The destination of a reply by its second Via, which is the source of its request. None if
    there is none."""
    via = parse_via(vias[1]) if len(vias) > 1 else None
    if via is None:
        return None
    port = via.param("rport") or ""
    return WayBack(
        via.param("received") or via.host,
        int(port) if port.isdecimal() else via.port,
        via.transport.lower(),
    )
