"""A body in chunks, read as libcurl reads it, and written anew for the library below.

libcurl skips what follows a chunk's size, whatever it is, takes a LF alone for the end of a line,
and hands trailers over as headers; the library does none of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NoReturn, Protocol

from onehttp_backends.errors import CurlCode

MAX_TRAILER_BYTES: Final = 4093
MAX_PADDING_BYTES: Final = 1024 * 1024
"""Of what follows a chunk's size. The engine looks at it now and then; see its `padding`."""
_MAX_SIZE: Final = 2**63 - 1
_MAX_DIGITS: Final = 17
_SIZE, _DATA, _END_OF_DATA, _TRAILERS, _OVER = "size", "data", "end of data", "trailers", "over"
_digits = re.compile(rb"[0-9A-Fa-f]*").match


class Refusing(Protocol):
    """Ends the transfer."""

    def __call__(self, code: int, text: str) -> NoReturn: ...


class Chunks:
    """The chunked body of one response.

    Args:
        take_trailer: called with each trailer, without its line end.
        refuse: ends the transfer.
        wanted: bytes of the body that are wanted; after one more, nothing is read. 0 = all.
    """

    def __init__(
        self, take_trailer: Callable[[bytes], None], refuse: Refusing, wanted: int = 0
    ) -> None:
        self._take_trailer = take_trailer
        self._refuse = refuse
        self._part = _SIZE
        self._line = b""
        """The relevant part of a line that has begun."""
        self._padding = 0
        self._left = 0
        self._room = wanted or _MAX_SIZE
        self.has_more = False
        """Something has come after the end."""

    @property
    def is_over(self) -> bool:
        """Whether the body is complete."""
        return self._part == _OVER

    def take(self, data: bytes) -> bytes:
        """The part of ``data`` that the library below gets.

        Raises:
            TransferError: libcurl would end here.
        """
        passed: list[bytes] = []
        at = 0
        while at < len(data) and not self.is_over:
            if self._part == _DATA:
                piece = data[at : at + self._left]
                self._left -= len(piece)
                if not self._left:
                    self._part = _END_OF_DATA
                passed.append(piece)
                at += len(piece)
                self._room -= len(piece)
                if self._room < 0:
                    self.has_more = True
                    break
                continue
            end = data.find(b"\n", at)
            is_whole = end >= 0
            self._gather(data[at:end] if is_whole else data[at:])
            if is_whole:
                passed.append(self._end_line())
            at = end + 1 if is_whole else len(data)
        self.has_more = self.has_more or at < len(data)
        return b"".join(passed)

    def _gather(self, piece: bytes) -> None:
        """More of a line has come, which may be wrong before its end."""
        if self._part == _SIZE:
            self._gather_size(piece)
        elif self._part == _END_OF_DATA:
            if piece.strip(b"\r"):
                self._refuse(CurlCode.RECV_ERROR, "a chunk that is larger than announced")
        else:
            self._line += piece
            if b"\r" in self._line[:-1]:
                self._refuse(CurlCode.RECV_ERROR, "a trailer with a CR in it")
            if len(self._line) > MAX_TRAILER_BYTES + 1:
                self._refuse_trailer()

    def _gather_size(self, piece: bytes) -> None:
        if not self._padding:
            found = _digits(piece)
            assert found
            self._line += found[0]
            is_large = len(self._line) > _MAX_DIGITS
            if is_large or (self._line and int(self._line, 16) > _MAX_SIZE):
                self._refuse(CurlCode.RECV_ERROR, "a chunk of more than there is")
            piece = piece[found.end() :]
            if piece and not self._line:
                self._refuse(CurlCode.RECV_ERROR, "a chunk without a size")
        self._padding += len(piece)
        if self._padding > MAX_PADDING_BYTES:
            self._refuse(CurlCode.RECV_ERROR, "a chunk whose size is followed by too much")

    def _end_line(self) -> bytes:
        line, self._line, self._padding = self._line, b"", 0
        if self._part == _SIZE:
            if not line:
                self._refuse(CurlCode.RECV_ERROR, "a chunk without a size")
            self._left = int(line, 16)
            self._part = _DATA if self._left else _TRAILERS
            return b"%x\r\n" % self._left
        if self._part == _END_OF_DATA:
            self._part = _SIZE
            return b"\r\n"
        line = line.removesuffix(b"\r")
        if not line:
            self._part = _OVER
            return b"\r\n"
        if len(line) > MAX_TRAILER_BYTES:
            self._refuse_trailer()
        self._take_trailer(line)
        return b""

    def _refuse_trailer(self) -> NoReturn:
        self._refuse(CurlCode.TOO_LARGE, f"a trailer of more than {MAX_TRAILER_BYTES} bytes")
