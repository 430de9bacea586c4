"""Bodies from an iterator or file-like object, which only the caller's thread or task reads.

The next piece is asked for when the engine has taken the one before. So a source may wait between
two pieces for what the server says to the first one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeAlias

from onehttp_backends.bodies.upload import Sending, Upload, too_much, unreadable
from onehttp_backends.errors import Sent

Source: TypeAlias = "Iterator[Any] | AsyncIterator[Any]"


class FedUpload(Upload):
    """A body that comes from an iterator, or from a file that is not a regular file of the system.

    Args:
        begin: returns the iterator; if ``is_repeatable``, a fresh one at each call.
    """

    def __init__(
        self,
        begin: Callable[[], Source],
        is_repeatable: bool,
        is_async: bool = False,
        size: int | None = None,
        limit: int = 0,
    ) -> None:
        super().__init__(size, limit)
        self.source = begin
        self.is_async = is_async
        self._is_repeatable = is_repeatable

    @property
    def is_repeatable(self) -> bool:
        return self._is_repeatable

    def _sending(self) -> Sending:
        return _FedSending(self)


class _FedSending(Sending):
    is_fed = True
    upload: FedUpload

    def __init__(self, upload: FedUpload) -> None:
        super().__init__(upload)
        self._pieces: deque[bytes | memoryview] = deque()
        """A memoryview is the rest of one that was larger than the engine takes at once."""
        self._pulled = 0
        self._is_starved = False
        self._has_ended = False
        self._source: Any = None

    @property
    def wants_more(self) -> bool:
        return self.has_begun and not self._has_ended and (not self._pieces or self._is_starved)

    @property
    def is_given(self) -> bool:
        return self._has_ended and not self._pieces

    @property
    def must_be_empty(self) -> bool:
        return self.upload.size == 0 and not self._has_ended

    @property
    def is_starved(self) -> bool:
        return self._is_starved

    def take(self, most: int) -> bytes | None:
        self.has_begun = True
        pieces = self._pieces
        if not pieces:
            if self._has_ended:
                return b""
            self._is_starved = self.has_paused = True
            # Look again: the caller, who sets these in the opposite order, may have put a piece
            # there in between.
            if not pieces and not self._has_ended:
                return None
            self._is_starved = False
            return self.take(most)
        first = pieces[0]
        if self._pulled == self.upload.size and not self._has_ended and len(first) <= most:
            # The last of what was announced is held back until the source says that it has ended:
            # otherwise the server's answer could come before what is too much.
            self._is_starved = self.has_paused = True
            if not self._has_ended:
                return None
            self._is_starved = False
        # Counted before it is taken: an exception in between must not leave it believed that
        # nothing is missing.
        if len(first) <= most:
            piece = first if type(first) is bytes else bytes(first)
            self.taken += len(piece)
            pieces.popleft()
        else:
            view = memoryview(first)
            piece = bytes(view[:most])
            self.taken += most
            pieces[0] = view[most:]
        return piece

    def pull(self) -> None:
        if self._source is None:
            self._source = self.upload.source()
        try:
            piece = next(self._source)
        except StopIteration:
            self._end()
        else:
            self._put(piece)

    async def apull(self) -> None:
        if not self.upload.is_async:
            self.pull()
            return
        if self._source is None:
            self._source = self.upload.source()
        try:
            piece = await self._source.__anext__()
        except StopAsyncIteration:
            self._end()
        else:
            self._put(piece)

    def _put(self, piece: object) -> None:
        if type(piece) is not bytes:
            if not isinstance(piece, (bytes, bytearray, memoryview)):
                raise unreadable(f"the body gave {type(piece).__name__}; expected bytes")
            piece = bytes(piece)  # a mutable one may be changed by its owner before it is sent
        length = len(piece)
        self._pulled += length
        size, limit = self.upload.size, self.upload.limit
        if size is not None and self._pulled > size:
            raise unreadable(f"the body has more than the {size} bytes announced")
        if limit and self._pulled > limit:
            raise too_much(limit, Sent.MAYBE)
        if length:
            self._pieces.append(piece)
            self._is_starved = False

    def _end(self) -> None:
        size = self.upload.size
        if size is not None and self._pulled < size:
            raise unreadable(f"the body has {self._pulled} bytes; {size} were announced")
        self._has_ended = True
        self._is_starved = False
