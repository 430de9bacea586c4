"""Where the body of an HTTP/1 answer ends: what follows answers nobody, and is not passed on.

httpcore tells nobody of it, and would take it for the answer to the next request.
"""

from __future__ import annotations

import re
from typing import Final

_CHUNK, _DATA, _END_OF_DATA, _TRAILERS = "chunk", "data", "end of data", "trailers"
MAX_LINE_BYTES: Final = 1024
"""Of what counts in a chunk's line; how long its extension may be, others judge."""
_is_size = re.compile(rb"[0-9A-Fa-f]{1,16}").fullmatch


class BodyEnd:
    """Of one answer.

    Args:
        length: in bytes; None: as long as the connection.
        is_chunked: the length is in the body itself.
    """

    def __init__(self, length: int | None, is_chunked: bool = False) -> None:
        self._left = 0 if is_chunked else length
        """Of what is counted; None: no end can be told, or all that follows is wrong anyhow."""
        self._part = _CHUNK if is_chunked else _DATA
        self._is_chunked = is_chunked
        self._line = b""
        self.has_more = False
        """Something has come after the end."""

    @property
    def is_over(self) -> bool:
        """Whether the body is complete."""
        return self._left == 0 and self._part == _DATA

    def take(self, data: bytes) -> bytes:
        """What of ``data`` belongs to the body."""
        at = 0
        while at < len(data) and self._left is not None:
            if self.is_over:
                self.has_more = True
                return data[:at]
            at = self._count(data, at) if self._left else self._read_line(data, at)
        return data

    def _count(self, data: bytes, at: int) -> int:
        assert self._left is not None
        taken = min(self._left, len(data) - at)
        self._left -= taken
        if not self._left and self._is_chunked:
            self._part = _END_OF_DATA
        return at + taken

    def _read_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        is_whole = end >= 0
        end = end + 1 if is_whole else len(data)
        self._line += data[at:end][: MAX_LINE_BYTES - len(self._line)]
        if is_whole:
            line, self._line = self._line.strip(), b""
            self._end_line(line)
        return end

    def _end_line(self, line: bytes) -> None:
        if self._part == _END_OF_DATA:
            self._part = _CHUNK
            if line:
                self._left = None  # more than was announced
        elif self._part == _TRAILERS:
            if not line:
                self._part = _DATA
        else:
            self._begin_chunk(line.partition(b";")[0].strip())

    def _begin_chunk(self, size: bytes) -> None:
        self._left = int(size, 16) if _is_size(size) else None
        self._part = _DATA if self._left else _TRAILERS
