"""A response whose body is read piece by piece."""

from __future__ import annotations

import os
import warnings
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from onehttp.errors import StreamError
from onehttp.streams.opener import Opener
from onehttp.streams.reading import Reading
from onehttp.streams.splitting import MAX_LINE, Lines, Regrouped, Text
from onehttp_backends.contract import Response
from onehttp_backends.optional.streaming import OpenResponse

if TYPE_CHECKING:
    from onehttp.streams.saving import Again

S = TypeVar("S", str, bytes, covariant=True)
_NOT_READ: Final = "the body was not read: call read() before body, text and json()"


class Splitting(Protocol[S]):
    """Cuts a body in other places."""

    def add(self, piece: bytes, /) -> Iterator[S]: ...
    def rest(self) -> Iterator[S]: ...


class HeadOfResponse(Response):
    """Status, headers and all else that a `Response` tells, known before its body.

    ``body``, ``text`` and ``json()`` are there once `read` has read it.
    """

    __slots__ = ("_is_begun", "_opened", "_opener", "_reading", "_whole", "again")

    again: Again
    """The same call once more, with these headers besides, where it may be made again."""

    def __init__(self, opener: Opener, opened: OpenResponse, reading: Reading) -> None:
        for name in Response.__slots__:
            if name != "body":
                setattr(self, name, getattr(opened.response, name))
        self._whole: bytes | None = None
        self._opener = opener
        self._opened: OpenResponse | None = opened
        self._reading = reading
        self._is_begun = False

    @property
    def body(self) -> bytes:  # type: ignore[override]
        """All of it, after `read`.

        Raises:
            StreamError: it was not read.
        """
        if self._whole is None:
            raise StreamError(_NOT_READ)
        return self._whole

    @property
    def is_decoding(self) -> bool:
        """Whether a coding is taken off the body."""
        return self._reading.is_decoding

    @property
    def announced(self) -> int | None:
        """Bytes of the body, codings included, as far as the head tells."""
        return self._reading.announced

    @property
    def received(self) -> int:
        """Bytes of the body that have come until now, codings included."""
        return self._reading.received

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status}>"

    def __del__(self) -> None:
        if getattr(self, "_opened", None) is not None:
            warnings.warn(
                f"{self!r} was never closed; open it by `with`", ResourceWarning, source=self,
                stacklevel=2,
            )  # fmt: skip
            self.close()

    def __reduce__(self) -> tuple[object, ...]:
        """As a response of what was read, which is nothing where that was not all: the error of
        `raise_for_status` is pickled and copied as any other."""
        found = self._with(self._whole or b"")
        found.truncated = self.truncated or self._whole is None
        return found.__reduce__()

    def close(self) -> None:
        """Read no more: what has not come is not waited for, and its connection is closed."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def whole(self) -> Response:
        """The response as any other, with the body that was read."""
        return self._with(self.body)

    def _with(self, body: bytes) -> Response:
        found = Response.__new__(Response)
        for name in Response.__slots__:
            setattr(found, name, body if name == "body" else getattr(self, name))
        return found

    def _begin(self) -> OpenResponse:
        if self._opened is None:
            raise StreamError("the response is closed: it is read inside its `with`")
        if self._is_begun:
            raise StreamError("the body is read already: it comes only once")
        self._is_begun = True
        self._reading.check_announced()
        return self._opened

    def _finish(self, opened: OpenResponse) -> None:
        """All that is wanted has come: what is known by now is more than with the head."""
        self._reading.finish()
        if self._reading.is_full:
            opened.close()
        self._timings, self._head = opened.response._timings, opened.response._head
        self._blocks = None

    def _begin_whole(self) -> None:
        """`read` gathers: what a whole response may hold is the limit."""
        reading = self._reading
        options = reading.request.options
        reading.limit = reading.limit or options.max_body_bytes
        reading.truncates = options.body_policy == "truncate"

    def _end_whole(self, pieces: list[bytes]) -> bytes:
        self.truncated = self.truncated or self._reading.is_full
        self._whole = b"".join(pieces)
        return self._whole

    def _told(self) -> None:
        if self._opener.is_watched:
            self._opener.tell(self._reading.received, self._reading.announced)

    def _lines(self, max_line: int) -> Lines:
        return Lines(self.headers.get("content-type", ""), max_line)

    def _text(self) -> Text:
        return Text(self.headers.get("content-type", ""))


class StreamedResponse(HeadOfResponse):
    """What `onehttp.stream` gives: its body is read once, by one of these methods, while the server
    waits for who reads slowly.

    Raises (all that read):
        TransferError: the rest did not come; TimeoutError where it took too long.
        TooLargeError: the body is larger than the call's ``max_body``.
        StreamError: it was read before, or the ``with`` is over.
    """

    __slots__ = ()

    def iter_bytes(self, chunk: int | None = None) -> Iterator[bytes]:
        """The body in pieces as they come, or of ``chunk`` bytes each but for the last."""
        pieces = self._pieces()
        return pieces if chunk is None else _cut(pieces, Regrouped(chunk))

    def iter_text(self) -> Iterator[str]:
        """The body as text of the charset that its Content-Type says, else UTF-8."""
        return _cut(self._pieces(), self._text())

    def iter_lines(self, max_line: int = MAX_LINE) -> Iterator[str]:
        """Its lines, without their ends (LF, CR LF, CR).

        Args:
            max_line: characters; a longer one is a `TooLargeError`. 0 = no limit.
        """
        return _cut(self._pieces(), self._lines(max_line))

    def read(self) -> bytes:
        """All of it at once, up to ``max_body`` of the call or its connection (10 MiB)."""
        if self._whole is None:
            self._begin_whole()
            return self._end_whole(list(self._pieces()))
        return self._whole

    def save(self, path: str | os.PathLike[str], *, resumes: int = 3) -> int:
        """Write the body to a file; see `onehttp.streams.saving.save`."""
        from onehttp.streams.saving import save

        return save(self, path, resumes)

    def _pieces(self) -> Iterator[bytes]:
        opened, reading = self._begin(), self._reading
        while not reading.is_full and (came := opened.take()):
            yield from reading.pieces(came)
            del came  # or twice as much memory is gone through, and less of it is in the caches
            self._told()
        self._finish(opened)


class AsyncStreamedResponse(HeadOfResponse):
    """What `onehttp.astream` gives: `StreamedResponse`, awaited."""

    __slots__ = ()

    def iter_bytes(self, chunk: int | None = None) -> AsyncIterator[bytes]:
        """See `StreamedResponse.iter_bytes`."""
        pieces = self._pieces()
        return pieces if chunk is None else _acut(pieces, Regrouped(chunk))

    def iter_text(self) -> AsyncIterator[str]:
        """See `StreamedResponse.iter_text`."""
        return _acut(self._pieces(), self._text())

    def iter_lines(self, max_line: int = MAX_LINE) -> AsyncIterator[str]:
        """See `StreamedResponse.iter_lines`."""
        return _acut(self._pieces(), self._lines(max_line))

    async def read(self) -> bytes:
        """See `StreamedResponse.read`."""
        if self._whole is None:
            self._begin_whole()
            return self._end_whole([piece async for piece in self._pieces()])
        return self._whole

    async def save(self, path: str | os.PathLike[str], *, resumes: int = 3) -> int:
        """See `StreamedResponse.save`."""
        from onehttp.streams.saving import asave

        return await asave(self, path, resumes)

    async def _pieces(self) -> AsyncIterator[bytes]:
        opened, reading = self._begin(), self._reading
        while not reading.is_full and (came := await opened.atake()):
            for piece in reading.pieces(came):
                yield piece
            del came, piece
            self._told()
        self._finish(opened)


def _cut(pieces: Iterable[bytes], splitting: Splitting[S]) -> Iterator[S]:
    for piece in pieces:
        yield from splitting.add(piece)
    yield from splitting.rest()


async def _acut(pieces: AsyncIterator[bytes], splitting: Splitting[S]) -> AsyncIterator[S]:
    async for piece in pieces:
        for found in splitting.add(piece):
            yield found
    for found in splitting.rest():
        yield found
