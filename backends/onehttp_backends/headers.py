"""Response headers: the raw lines of every hop, split and looked up when asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from onehttp_backends.hints.elsewhere import OF_HEADERS, tell

HeaderPairs: TypeAlias = tuple[tuple[str, str], ...]
BLANK_LINES: Final = (b"\r\n", b"\n")
"""The line that ends a head; servers also send it without the CR."""
_BLANKS = " \t"
"""Around a value (RFC 9110, 5.6.3). To Python half a letter of UTF-8 is a blank, too: ``à`` ends in
a byte that is one of Latin-1."""
_MAX_DIGITS = 30
_leads_on: Final = re.compile(rb"HTTP/\S+[ \t](?:[13]\d\d|401|407)").match
"""A status line that another may come behind: interim answers, redirects and challenges."""


class Headers(Mapping[str, str]):
    """Response headers: a case-insensitive mapping that keeps order and repeats, and of each name
    the spelling that came first.

    ``headers["Via"]`` joins repeated fields with ``", "``; `get_all` keeps them apart.
    """

    __slots__ = ("_index", "pairs")

    def __init__(self, pairs: HeaderPairs) -> None:
        self.pairs = pairs
        self._index: dict[str, list[str]] = {}
        for name, value in pairs:
            self._index.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._index[name.lower()])

    def __iter__(self) -> Iterator[str]:
        first: dict[str, str] = {}
        for name, _ in self.pairs:
            first.setdefault(name.lower(), name)
        return iter(first.values())

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._index

    def get_all(self, name: str) -> list[str]:
        """Every value of one field, in the order received; empty when absent."""
        return list(self._index.get(name.lower(), ()))

    def __repr__(self) -> str:
        return f"Headers({list(self._index)})"  # values may hold cookies or tokens


tell(Headers, OF_HEADERS)


def parse_head(lines: list[bytes]) -> list[tuple[str, Headers]]:
    """Split raw header lines into blocks of (reason, headers), one per status line seen.

    Folded lines are joined to the one before (RFC 9112, 5.2); a line without colon is dropped, and
    so are trailers. Always returns at least one block.
    """
    return _blocks(lines)[0]


def whole_number(text: str) -> int | None:
    """What a field says in decimal digits; None: other characters are in it. Of a number beyond all
    sizes the first digits: Python makes none of thousands."""
    if not (text.isascii() and text.isdigit()):
        return None
    return int(text.lstrip("0")[:_MAX_DIGITS] or "0")


def parse_trailers(lines: list[bytes]) -> Headers:
    """The trailers in raw header lines: those that came after the body of the last block."""
    return _blocks(lines)[1]


def begins_head(line: bytes, before: bytes, last: bytes) -> bool:
    """Whether a line that starts with ``HTTP/`` is a status line, and no field of such a name:
    heads and trailers have a colon in each line.

    Args:
        before: the line before it; empty: it is the first.
        last: the last status line before it.
    """
    return b":" not in line or not before or (before in BLANK_LINES and _leads_on(last) is not None)


def is_cut_off(head: Sequence[bytes]) -> bool:
    """Whether the last head in raw header lines has begun, and has not ended.

    With such a one an easy handle may wait for the rest of a folded line: libcurl (8.23) takes that
    over into the next transfer of the handle, and then finds no status line in its answer.
    """
    for line in reversed(head):
        if line in BLANK_LINES:
            return False
        if line.startswith(b"HTTP/"):
            return True
    return bool(head)


def status_lines(head: Iterable[bytes]) -> Iterator[bytes]:
    """The status lines in raw header lines."""
    before = last = b""
    for line in head:
        if line.startswith(b"HTTP/") and begins_head(line, before, last):
            last = line
            yield line
        before = line


def last_status(head: Iterable[bytes]) -> bytes:
    """The three digits of the last status line; empty: there is none."""
    last = b""
    for last in status_lines(head):  # noqa: B007 - the last is wanted
        pass
    return last.partition(b" ")[2][:3]


def _blocks(lines: list[bytes]) -> tuple[list[tuple[str, Headers]], Headers]:
    blocks: list[tuple[str, list[tuple[str, str]]]] = []
    pairs: list[tuple[str, str]] = []
    trailers: list[tuple[str, str]] = []
    before = last = b""
    for raw in lines:
        line = raw.decode("latin-1").rstrip("\r\n")
        is_first = line.startswith("HTTP/") and begins_head(raw, before, last)
        before = raw
        if is_first:
            pairs, trailers, last = [], [], raw
            blocks.append(
                (line.split(" ", 2)[2].strip(_BLANKS) if line.count(" ") > 1 else "", pairs)
            )
        elif not blocks:
            continue
        elif not line:
            pairs = trailers  # what was said before the body is not changed by what comes behind it
        elif line[0] in " \t":
            if pairs:
                name, value = pairs[-1]
                pairs[-1] = (name, f"{value} {line.strip(_BLANKS)}")
        else:
            name, colon, value = line.partition(":")
            if colon:
                pairs.append((name.strip(_BLANKS), value.strip(_BLANKS)))
    found = [(reason, Headers(tuple(of_block))) for reason, of_block in blocks]
    return found or [("", Headers(()))], Headers(tuple(trailers))
