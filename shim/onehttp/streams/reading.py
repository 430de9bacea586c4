"""The body of a response as its reader gets it: decoded, counted and limited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from onehttp_backends.codings.decoder import Decoder, decoder_of
from onehttp_backends.codings.stages import CodingError
from onehttp_backends.contract import Request, Response
from onehttp_backends.headers import whole_number
from onehttp_backends.shown import coding_error, too_large


class BodyDecoder:
    """Decodes the pieces of a body. It knows neither threads nor loops.

    Args:
        is_coded: whether to remove the content codings that the head names.
        limit: the maximum number of decoded bytes; 0 = no limit.
        truncates: whether a body beyond the limit is cut off; otherwise it is an error.
    """

    def __init__(
        self,
        request: Request,
        response: Response,
        is_coded: bool,
        limit: int = 0,
        truncates: bool = False,
    ) -> None:
        self.limit = limit
        self.truncates = truncates
        self.request = request
        self.received = 0
        """Bytes that have come, codings included."""
        self.decoded = 0
        """Bytes given."""
        self.is_full = False
        """Whether the body has reached the limit at which the caller wants it cut."""
        self._decoder: Decoder | None = None
        if is_coded:
            try:
                self._decoder = decoder_of(response.headers.get_all("content-encoding"))
            except CodingError as error:
                raise coding_error(request, error) from None
        self.is_decoding = self._decoder is not None
        length = whole_number(response.headers.get("content-length", ""))
        has_body = request.method != "HEAD" and response.status not in (204, 304)
        self.announced = length if has_body else None
        """Bytes to come in all, as far as its head tells."""

    def check_announced(self) -> None:
        """Raise TooLargeError if the announced size exceeds the limit."""
        is_known = self.announced is not None and not self.is_decoding and not self.truncates
        if self.limit and is_known and (self.announced or 0) > self.limit:
            raise too_large(self._limited())

    def pieces(self, came: list[bytes]) -> Iterable[bytes]:
        """The decoded pieces that ``came`` brings. It is emptied before an error is raised, whose
        frames hold it.

        Raises:
            TooLargeError: the body exceeds the limit.
            TransferError: the body is not in its coding (61).
        """
        self.received += sum(map(len, came))
        if self._decoder is None and not self.limit:
            self.decoded = self.received
            return came
        return self._limited_pieces(came)

    def finish(self) -> None:
        """Note the end of the body.

        Raises:
            TransferError: the coded body is incomplete (61).
        """
        if self._decoder is not None and not self.is_full:
            try:
                self._decoder.finish()
            except CodingError as error:
                raise coding_error(self.request, error) from None

    def _limited_pieces(self, came: list[bytes]) -> Iterator[bytes]:
        for piece in self._decoded(came):
            room = self.limit - self.decoded
            if self.limit and len(piece) > room:
                self.decoded += room
                if room:
                    yield piece[:room]
                if not self.truncates:
                    came.clear()
                    del piece
                    raise too_large(self._limited())
                self.is_full = True
                return
            self.decoded += len(piece)
            yield piece
            del piece

    def _decoded(self, came: list[bytes]) -> Iterator[bytes]:
        if self._decoder is None:
            yield from came
            return
        try:
            for each in map(self._decoder.pieces, came):
                yield from each
        except CodingError as error:
            came.clear()
            raise coding_error(self.request, error) from None

    def _limited(self) -> Request:
        """The request as `too_large` is to tell of it."""
        import dataclasses

        options = dataclasses.replace(self.request.options, max_body_bytes=self.limit)
        return self.request._replace(options=options)
