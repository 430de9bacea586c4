"""The status line of an answer: what is one, and what it says."""

from __future__ import annotations

import re
from collections.abc import Sized
from typing import Final, NamedTuple

MAX_REMEMBERED: Final = 256
"""Servers have few status lines, and send them again and again."""
MAX_REMEMBERED_BYTES: Final = 128
_BLANK: Final = b"\r\n"
_OF_ANY_VERSION: Final = re.compile(rb"HTTP/(1\.[01]|[23](?= \d{3} \r)) ([1-9]\d\d)(?!\d)").match
_OF_HTTP1: Final = re.compile(rb"HTTP/(1\.[01]) ([1-9]\d\d)(?!\d)").match
"""libcurl accepts more than these. The second is for origins that speak HTTP/1 only. The lines of
later versions are libcurl's own, with a blank behind the status: it takes them from no server."""


class StatusLine(NamedTuple):
    """What it says."""

    status: int
    version: str
    """Of HTTP: ``1.0``, ``1.1``, ``2`` or ``3``."""


class StatusLines:
    """The status lines of one kind of origin. Any thread may ask."""

    __slots__ = ("_is_one", "_known")

    def __init__(self, is_http1: bool) -> None:
        self._is_one = _OF_HTTP1 if is_http1 else _OF_ANY_VERSION
        self._known: dict[bytes, StatusLine] = {}

    @property
    def remembered(self) -> Sized:
        """The lines that are remembered, for tests."""
        return self._known

    def begin_with(self, line: bytes) -> bool:
        """Whether an answer may begin with this line."""
        return self._is_one(line) is not None

    def of_only_head(self, head: list[bytes]) -> StatusLine | None:
        """The status line of a head that is whole, has no other before it (an interim answer, a
        challenge, a redirect that was followed) and no trailers behind it; None: look closer."""
        if head and head[-1] == _BLANK and head.count(_BLANK) == 1:
            return self._known.get(head[0]) or self._read(head[0])
        return None

    def _read(self, line: bytes) -> StatusLine | None:
        found = self._is_one(line)
        if found is None:
            return None
        said = StatusLine(int(found[2]), found[1].decode())
        if len(line) <= MAX_REMEMBERED_BYTES:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            self._known[line] = said
        return said


OF_ANY_VERSION: Final = StatusLines(is_http1=False)
OF_HTTP1: Final = StatusLines(is_http1=True)
