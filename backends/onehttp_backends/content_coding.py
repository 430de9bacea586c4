"""Content codings taken off a body, piece by piece, the same for every backend.

libcurl takes a gzip stream that ends in the middle for whole, refuses one of two members, and
fails where it does not know a coding. So engines hand over what came, and it is decoded here.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

ACCEPTED: Final = "gzip, deflate"
MOST_CODINGS: Final = 5
"""One on top of the other; libcurl takes no more, since each multiplies what a bomb can do."""
_PIECE_BYTES: Final = 64 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS


class CodingError(ValueError):
    """A body is not what its Content-Encoding says."""


class _Stage(Protocol):
    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What ``data`` decodes to, in pieces that fit the memory."""

    def finish(self) -> None:
        """Raises CodingError if more should have come."""


class Decoder:
    """Takes all codings of one body off."""

    def __init__(self, codings: list[str]) -> None:
        self._stages = [_STAGES[coding]() for coding in reversed(codings)]

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What ``data`` decodes to, in pieces: whoever has enough stops here, before a bomb is
        in memory.

        Raises:
            CodingError: it is not of its coding.
        """
        found: Iterable[bytes] = (data,)
        for stage in self._stages:
            found = _through(stage, found)
        return iter(found)

    def finish(self) -> None:
        """The body is over.

        Raises:
            CodingError: it ends in the middle.
        """
        for stage in self._stages:
            stage.finish()


def decoder_of(values: Iterable[str]) -> Decoder | None:
    """What takes the codings of these ``Content-Encoding`` fields off; None: nothing can be.

    Raises:
        CodingError: more than anybody has a reason for.
    """
    codings = codings_of(values)
    return Decoder(codings) if codings else None


def codings_of(values: Iterable[str]) -> list[str] | None:
    """The codings of ``Content-Encoding`` fields, in the order they were put on; None: one of them
    is not known, so that nothing can be taken off.

    Raises:
        CodingError: more than anybody has a reason for.
    """
    named = [name.strip().lower() for value in values for name in value.split(",")]
    codings = [name.removeprefix("x-") for name in named if name not in ("", "identity")]
    if any(coding not in _STAGES for coding in codings):
        return None
    if len(codings) > MOST_CODINGS:
        raise CodingError(f"{len(codings)} codings on top of each other, {MOST_CODINGS} at most")
    return codings


def _through(stage: _Stage, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from stage.pieces(piece)


class _Gzip:
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


class _Deflate:
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


_STAGES: Final[dict[str, type[_Gzip] | type[_Deflate]]] = {"gzip": _Gzip, "deflate": _Deflate}


def _inflated(stream: Any, data: bytes) -> Iterator[bytes]:
    while True:
        try:
            piece = stream.decompress(data, _PIECE_BYTES)
        except zlib.error as error:
            raise CodingError(f"the stream is damaged: {error}") from None
        if piece:
            yield piece
        data = stream.unconsumed_tail
        # A full piece: zlib may hold back more, also of data that it has taken in.
        if stream.eof or (not data and len(piece) < _PIECE_BYTES):
            return
