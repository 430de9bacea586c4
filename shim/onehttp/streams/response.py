"""A response whose body is read piece by piece."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from onehttp.errors import StreamError
from onehttp.streams.opener import Opener
from onehttp.streams.reading import BodyDecoder
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


_KEPT: Final = tuple(name for name in Response.__slots__ if name != "__weakref__")


class HeadOfResponse(Response):
    """A `Response` whose head is there before its body.

    ``body``, ``text`` and ``json()`` can be used after `read`.
    """

    __slots__ = ("_is_begun", "_opened", "_opener", "_reading", "_whole", "again")

    again: Again
    """Repeats the call with further headers, if it may be repeated."""

    def __init__(self, opener: Opener, opened: OpenResponse, reading: BodyDecoder) -> None:
        for name in _KEPT:
            if name != "body":
                setattr(self, name, getattr(opened.response, name))
        self._whole: bytes | None = None
        self._opener = opener
        self._opened: OpenResponse | None = opened
        self._reading = reading
        self._is_begun = False

    @property
    def body(self) -> bytes:  # type: ignore[override]  # it is there after `read` only
        """The whole body, after `read`.

        Raises:
            StreamError: it was not read by `read`.
        """
        if self._whole is None:
            raise StreamError(_NOT_READ)
        return self._whole

    @property
    def is_decoding(self) -> bool:
        """Whether a content coding is removed from the body."""
        return self._reading.is_decoding

    @property
    def announced(self) -> int | None:
        """Size of the body in bytes, before decoding; None if the head does not say."""
        return self._reading.announced

    @property
    def received(self) -> int:
        """Bytes of the body received so far, before decoding."""
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
        """Pickled (with the error of `raise_for_status`, say) as a response with the body that was
        read, or with an empty one."""
        found = self._with(self._whole or b"")
        found.truncated = self.truncated or self._whole is None
        return found.__reduce__()

    def close(self) -> None:
        """Stop reading. If the body has not come to its end, its connection is closed."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def whole(self) -> Response:
        """An ordinary `Response` with the body that was read."""
        return self._with(self.body)

    def _with(self, body: bytes) -> Response:
        found = Response.__new__(Response)
        for name in _KEPT:
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
        """At the end of the body: keep what was not known with the head, such as trailers."""
        self._reading.finish()
        if self._reading.is_full:
            opened.close()
        self._facts, self._head = opened.response._facts, opened.response._head
        self._blocks = None

    def _begin_whole(self) -> None:
        """Before `read`: apply the limit of whole responses."""
        reading = self._reading
        options = reading.request.options
        reading.limit = reading.limit or options.max_body_bytes
        reading.truncates = options.body_policy == "truncate"

    def _end_whole(self, whole: bytes) -> bytes:
        self.truncated = self.truncated or self._reading.is_full
        self._whole = whole
        return whole

    def _told(self) -> None:
        if self._opener.is_watched:
            self._opener.tell(self._reading.received, self._reading.announced)

    def _lines(self, max_line: int) -> Lines:
        return Lines(self.headers.get("content-type", ""), max_line)

    def _text(self) -> Text:
        return Text(self.headers.get("content-type", ""))


class StreamedResponse(HeadOfResponse):
    """The response of `onehttp.stream`. Its body can be read once, by one of these methods. A slow
    reader makes the server wait, and memory use stays bounded.

    Raises (all methods that read):
        TransferError: the rest of the body did not come.
        TooLargeError: the body is larger than the call's ``max_body``.
        StreamError: the body was read before, or the ``with`` block has ended.
    """

    __slots__ = ()

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The body in pieces as they come, or in pieces of ``chunk_size`` bytes (the last may
        be smaller)."""
        pieces = self._pieces()
        return pieces if chunk_size is None else _cut(pieces, Regrouped(chunk_size))

    def iter_text(self) -> Iterator[str]:
        """The body as text, decoded by the charset of its Content-Type, else UTF-8."""
        return _cut(self._pieces(), self._text())

    def iter_lines(self, max_line: int = MAX_LINE) -> Iterator[str]:
        """The lines of the body, without their ends (LF, CR LF or CR).

        Args:
            max_line: most characters of a line; a longer one raises `TooLargeError`. 0 = no limit.
        """
        return _cut(self._pieces(), self._lines(max_line))

    def read(self) -> bytes:
        """The whole body, up to ``max_body`` of the call or else of its connection (10 MiB)."""
        if self._whole is None:
            self._begin_whole()
            return self._end_whole(b"".join(self._pieces()))
        return self._whole

    def save(self, path: str | os.PathLike[str], *, resumes: int = 3) -> int:
        """Write the body to a file, which appears under ``path`` only when it is complete and on
        disk.

        Args:
            path: replaced if it exists.
            resumes: how often a body that breaks off is continued by a range request.

        Returns:
            The number of bytes written.

        Raises:
            SaveError: the disk is full, or the path cannot be written; ``__cause__`` says which.
        """
        from onehttp.streams.saving import save

        return save(self, path, resumes)

    def _pieces(self) -> Iterator[bytes]:
        opened, reading = self._begin(), self._reading
        while not reading.is_full and (came := opened.take()):
            yield from reading.pieces(came)
            del came  # frees it before the next piece: half the memory traffic, better cached
            self._told()
        self._finish(opened)


class AsyncStreamedResponse(HeadOfResponse):
    """The response of `onehttp.astream`: `StreamedResponse` for tasks."""

    __slots__ = ()

    def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """See `StreamedResponse.iter_bytes`."""
        pieces = self._pieces()
        return pieces if chunk_size is None else _acut(pieces, Regrouped(chunk_size))

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
            whole = io.BytesIO()
            async for piece in self._pieces():
                whole.write(piece)
                del piece
            return self._end_whole(whole.getvalue())
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
                del piece
            del came
            self._told()
        self._finish(opened)


# No frame of an error holds a part of the body: what is no longer needed is deleted first.


def _cut(pieces: Iterable[bytes], splitting: Splitting[S]) -> Iterator[S]:
    for piece in pieces:
        found = splitting.add(piece)
        del piece
        yield from found
    yield from splitting.rest()


async def _acut(pieces: AsyncIterator[bytes], splitting: Splitting[S]) -> AsyncIterator[S]:
    async for piece in pieces:
        found = splitting.add(piece)
        del piece
        for each in found:
            yield each
            del each
    for each in splitting.rest():
        yield each
