"""A body gathers up to its limit, its codings taken off by `onehttp_backends.codings`."""

from __future__ import annotations

import io

from onehttp_backends.codings.decoder import Decoder, decoder_of
from onehttp_backends.codings.stages import CodingError
from onehttp_backends.contract import TransferOptions
from onehttp_backends.errors import CurlCode
from onehttp_backends.headers import parse_head


class Decoding:
    """Stands between libcurl and the body of one handle. Without ``decompress`` in its options
    there is the limit alone.

    Args:
        head: the lines received until now.
        body: where what was decoded goes.
    """

    __slots__ = ("_body", "_decoder", "_has_begun", "_head", "_limit", "_may_truncate",
                 "_unpacks", "fault", "is_full")  # fmt: skip

    def __init__(
        self,
        options: TransferOptions,
        head: list[bytes],
        body: io.BytesIO,
    ) -> None:
        self._unpacks = options.decompress
        self._limit = options.max_body_bytes
        self._may_truncate = options.body_policy == "truncate"
        self._head = head
        self._body = body
        self.clear()

    def clear(self) -> None:
        """Forget the last body."""
        self._decoder: Decoder | None = None
        self._has_begun = not self._unpacks
        self.fault: CodingError | CurlCode | None = None
        """Why libcurl was told to go no further."""
        self.is_full = False
        """Whether the body has reached its limit, which is all that was wanted."""

    @property
    def takes_off(self) -> bool:
        """Whether the body has a coding that is known."""
        return self._decoder is not None

    def write(self, chunk: bytes) -> int:
        """More of the body has come (``WRITEFUNCTION``)."""
        try:
            return len(chunk) if self._take(chunk) else 0
        except CodingError as error:
            self.fault = error
        except MemoryError:
            self._body.close()  # as it is after a write of its own that found none
        return 0

    def finish(self) -> None:
        """The body is over: it may lack its end."""
        try:
            self._begin()
            if self._decoder is not None:
                self._decoder.finish()
        except CodingError as error:
            self.fault = error

    def _begin(self) -> None:
        if not self._has_begun:
            headers = parse_head(self._head)[-1][1]
            self._decoder = decoder_of(headers.get_all("content-encoding"))
            self._has_begun = True

    def _take(self, chunk: bytes) -> bool:
        self._begin()
        for piece in (chunk,) if self._decoder is None else self._decoder.pieces(chunk):
            if self._limit and self._body.tell() + len(piece) > self._limit:
                self._body.write(piece[: self._limit - self._body.tell()])
                self.is_full = self._may_truncate
                self.fault = None if self._may_truncate else CurlCode.FILESIZE_EXCEEDED
                return False
            self._body.write(piece)
        return True
