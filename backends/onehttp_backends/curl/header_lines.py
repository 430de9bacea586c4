"""The headers of a request in libcurl's notation: checked and written once, then remembered."""

from __future__ import annotations

import functools
from typing import Final, NamedTuple

from onehttp_backends.headers import HeaderPairs
from onehttp_backends.rules.framing import (
    CODING,
    CONNECTION,
    EXPECT,
    HOST,
    LENGTH,
    closes_connection,
)
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
_ON_FRAMING: Final = frozenset({LENGTH, CODING, HOST})
FEW_HEADERS: Final = 16
"""More than these at once are not remembered: to find them again costs what writing them does."""


class HeaderLines(NamedTuple):
    """What libcurl is given, and what else follows from it."""

    lines: list[str | bytes]
    closes: bool
    """Among them is ``Connection: close``."""
    frames: bool
    """They say where the message ends, or whose it is."""
    expects: bool
    """An ``Expect`` is among them."""


def header_lines(headers: HeaderPairs, as_written: bool) -> HeaderLines:
    """Headers for libcurl.

    Raises:
        RequestError: one of them cannot be sent.
    """
    if len(headers) <= FEW_HEADERS and type(headers) is tuple:
        try:
            return _written_before(headers, as_written)
        except TypeError:  # not hashable: what is wrong with it is said below
            pass
    return _written(headers, as_written)


def _written(headers: HeaderPairs, as_written: bool) -> HeaderLines:
    special = check_headers(headers)
    lines = [header_line(name, value, as_written) for name, value in headers]
    if not special:
        # A named tuple takes longer to make itself than all that comes before.
        return tuple.__new__(HeaderLines, (lines, False, False, False))
    return HeaderLines(
        lines,
        CONNECTION in special and closes_connection(headers),
        bool(special & _ON_FRAMING),
        EXPECT in special,
    )


# Calls of one kind send the same headers again and again; those that fail are not kept.
_written_before: Final = functools.lru_cache(maxsize=256)(_written)


def header_line(name: str, value: str, as_written: bool = False) -> str | bytes:
    """libcurl's notation of one header.

    ``Name:`` removes a header that libcurl would add, ``Name;`` sends one with an empty value.
    """
    if not as_written:
        value = value.strip(" \t")  # no part of it (RFC 9110, 5.5)
    if value:
        line = f"{name}: {value}"
        return line if line.isascii() else line.encode()
    return f"{name}:" if name.lower() in _ENGINE_HEADERS else f"{name};"
