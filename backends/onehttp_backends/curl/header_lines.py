"""The headers of a request in libcurl's notation, checked on the way."""

from __future__ import annotations

from typing import Final, NamedTuple

from onehttp_backends.headers import HeaderPairs
from onehttp_backends.rules.framing import (
    CONNECTION,
    EXPECT,
    FRAMING,
    check_connection,
    closes_connection,
)
from onehttp_backends.rules.plain_text import plain_text
from onehttp_backends.rules.request_rules import check_headers

_ENGINE_HEADERS: Final = frozenset(
    {
        "accept",
        "content-length",
        "content-type",
        "expect",
        "host",
        "transfer-encoding",
        "user-agent",
    }
)
MOST_NAMES: Final = 1024
_usual_names: set[str] = set()
"""Names that were checked, and do not affect how a message is sent."""


class HeaderLines(NamedTuple):
    """The header lines for libcurl, and what else depends on them."""

    lines: list[str | bytes]
    closes: bool
    """Among them is ``Connection: close``."""
    frames: bool
    """They say where the message ends, or whose it is."""
    expects: bool
    """An ``Expect`` is among them."""


def usual_lines(headers: HeaderPairs) -> list[str | bytes] | None:
    """Headers for libcurl, written in one pass; None if any of them needs a closer look."""
    lines: list[str | bytes] = []
    for pair in headers:
        if type(pair) is not tuple or len(pair) != 2:
            return None
        name, value = pair
        if not (
            type(name) is type(value) is str
            and name in _usual_names
            and value
            and value.isascii()
            and value.isprintable()
            and value[0] != " " != value[-1]
        ):
            return None
        lines.append(f"{name}: {value}")
    return lines


def header_lines(headers: HeaderPairs, as_written: bool) -> HeaderLines:
    """Headers for libcurl.

    Raises:
        RequestError: one of them cannot be sent.
    """
    special = check_headers(headers)
    if not special:
        if len(_usual_names) >= MOST_NAMES:
            _usual_names.clear()
        _usual_names.update([name for name, _ in headers if type(name) is str])
    if CONNECTION in special and not as_written:
        for name, value in headers:
            if name.lower() == CONNECTION:
                check_connection(value)
    return HeaderLines(
        [header_line(name, value, as_written) for name, value in headers],
        CONNECTION in special and closes_connection(headers),
        bool(special & FRAMING),
        EXPECT in special,
    )


def header_line(name: str, value: str, as_written: bool = False) -> str | bytes:
    """libcurl's notation of one header.

    ``Name:`` removes a header that libcurl would add, ``Name;`` sends one with an empty value.
    """
    name, value = plain_text(name), plain_text(value)
    if not as_written:
        value = value.strip(" \t")  # no part of it (RFC 9110, 5.5)
    if value:
        line = f"{name}: {value}"
        return line if line.isascii() else line.encode()
    return f"{name}:" if name.lower() in _ENGINE_HEADERS else f"{name};"
