"""Codings that take a library, each: brotli (RFC 7932) and zstd (RFC 8878)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from onehttp_backends.codings.stages import PIECE_BYTES, CodingError

LARGEST_WINDOW: Final = 8 * 1024 * 1024
"""The limit for zstd as a content coding (RFC 9659); a stream may ask for gigabytes."""
_SLICE_BYTES: Final = 128
"""A block of zstd has 4 bytes at least, and is 128 KiB at most: 4 MiB come of a slice."""


class Brotli:
    """One stream, and nothing after it."""

    def __init__(self) -> None:
        import brotli

        self._stream: Any = brotli.Decompressor()
        self._error: type[Exception] = brotli.error
        self._has_begun = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        self._has_begun = True
        if self._stream.is_finished():
            raise CodingError("something follows the brotli stream")
        while True:
            try:
                piece = self._stream.process(data, output_buffer_limit=PIECE_BYTES)
            except self._error as error:
                raise CodingError(f"the stream is damaged: {error}") from None
            if piece:
                yield piece
            data = b""
            if self._stream.can_accept_more_data() and len(piece) < PIECE_BYTES:
                return

    def finish(self) -> None:
        if self._has_begun and not self._stream.is_finished():
            raise CodingError("the brotli stream ends in the middle")


class Zstandard:
    """Frames one after the other are one body (RFC 8878, 3.1)."""

    def __init__(self) -> None:
        import zstandard

        self._made: Any = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
        self._error: type[Exception] = zstandard.ZstdError
        self._frame: Any = None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _SLICE_BYTES):
            part = data[start : start + _SLICE_BYTES]
            while part:
                if self._frame is None:
                    self._frame = self._made.decompressobj()
                try:
                    piece = self._frame.decompress(part)
                except self._error as error:
                    raise CodingError(f"the stream is damaged: {error}") from None
                if piece:
                    yield piece
                part = self._frame.unused_data
                if self._frame.eof:
                    self._frame = None

    def finish(self) -> None:
        if self._frame is not None:
            raise CodingError("the zstd stream ends in the middle")
