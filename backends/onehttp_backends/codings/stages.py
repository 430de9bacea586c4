"""Codings that every Python can take off: gzip and deflate."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Final, Protocol

PIECE_BYTES: Final = 64 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS


class CodingError(ValueError):
    """A body is not what its Content-Encoding says."""


class Stage(Protocol):
    def pieces(self, data: bytes) -> Iterator[bytes]:
        """The decoded form of ``data``, in pieces that fit into memory."""

    def finish(self) -> None:
        """Raises CodingError if more should have come."""


class Gzip:
    """Members one after the other are one body (RFC 1952, 2.2); zeros after them are padding."""

    def __init__(self) -> None:
        self._member: Any = None
        self._members = 0

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member is None:
                data = data.lstrip(b"\0") if self._members else data
                if not data:
                    return
                self._member = zlib.decompressobj(_GZIP)
            yield from _inflated(self._member, data)
            data = self._member.unused_data
            if self._member.eof:
                self._member = None
                self._members += 1

    def finish(self) -> None:
        if self._member is not None:
            raise CodingError("the gzip stream ends in the middle")


class Deflate:
    """A zlib stream, as RFC 9110 has it, or a bare one, as some servers read that."""

    def __init__(self) -> None:
        self._stream: Any = None
        self._first = b""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            data = self._first = self._first + data
            if len(data) < 2:
                return
            is_zlib = data[0] & 15 == zlib.DEFLATED and (data[0] << 8 | data[1]) % 31 == 0
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if is_zlib else _RAW)
        if self._stream.eof:
            rest = data
        else:
            yield from _inflated(self._stream, data)
            rest = self._stream.unused_data
        if rest.strip(b"\0"):
            raise CodingError("something follows the deflate stream")

    def finish(self) -> None:
        if self._first and (self._stream is None or not self._stream.eof):
            raise CodingError("the deflate stream ends in the middle")


def _inflated(stream: Any, data: bytes) -> Iterator[bytes]:
    while True:
        try:
            piece = stream.decompress(data, PIECE_BYTES)
        except zlib.error as error:
            raise CodingError(f"the stream is damaged: {error}") from None
        if piece:
            yield piece
        data = stream.unconsumed_tail
        # A full piece: zlib may hold back more, also of data that it has taken in.
        if stream.eof or (not data and len(piece) < PIECE_BYTES):
            return
