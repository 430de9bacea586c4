"""Bodies from an iterator or file-like object, which only the caller's thread or task reads.

A source may wait between two pieces for what the server says to the first one. So the next piece is
asked for when the engine has taken the one before. Only a source that cannot wait unnoticed, a list
or an asynchronous one, is asked for some pieces in a row.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final, TypeAlias

from onehttp_backends.bodies.noticed_waits import NoticedWait
from onehttp_backends.bodies.row_length import ROW_BYTES, ROW_PIECES, ROW_S, RowLength
from onehttp_backends.bodies.upload import Sending, Upload, too_much, unreadable
from onehttp_backends.errors import Sent

Source: TypeAlias = "Iterator[Any] | AsyncIterator[Any]"

JOINED_BYTES: Final = 64 * 1024
"""Shorter pieces are joined, which costs less than to send them one by one."""
MOST_JOINED_BYTES: Final = 256 * 1024
"""More than that would not be in the caches of the CPU any more when it is sent."""


class FedUpload(Upload):
    """A body that comes from an iterator, or from a file that is not a regular file of the system.

    Args:
        begin: returns the iterator; if ``is_repeatable``, a fresh one at each call.
        is_there: it has all pieces already.
    """

    def __init__(
        self,
        begin: Callable[[], Source],
        is_repeatable: bool,
        is_async: bool = False,
        size: int | None = None,
        limit: int = 0,
        is_there: bool = False,
    ) -> None:
        super().__init__(size, limit)
        self.source = begin
        self.is_async = is_async
        self.is_there = is_there
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
        self._is_large = False
        """The last piece was so large that there is no need for several in a row."""
        self._source: Any = None
        self.may_block = not (upload.is_async or upload.is_there)
        self._row_length = RowLength()

    @property
    def wants_more(self) -> bool:
        return (
            self.has_begun
            and not self._has_ended
            and (
                not self._pieces
                or self._is_starved
                # A source that does not wait is asked before the engine gets what is too short.
                or (self._row_length.row > 1 and self._pulled - self.taken < JOINED_BYTES)
            )
        )

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
        holds_last = self._pulled == self.upload.size and not self._has_ended
        if holds_last and len(pieces) == 1 and len(first) <= most:
            # The last of what was announced is held back until the source says that it has ended:
            # otherwise the server's answer could come before what is too much.
            self._is_starved = self.has_paused = True
            if not self._has_ended:
                return None
            self._is_starved = False
        # Counted before it is taken: an exception in between must not leave it believed that
        # nothing is missing.
        if len(pieces) > 1 and len(first) < min(JOINED_BYTES, most):
            return self._joined(min(most, MOST_JOINED_BYTES), len(pieces) - holds_last)
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

    def _joined(self, most: int, count: int) -> bytes:
        """The first ``count`` pieces in one, as far as they fit. Others may be added meanwhile."""
        pieces, joined = self._pieces, []
        while count and len(pieces[0]) <= most:
            most -= len(pieces[0])
            self.taken += len(pieces[0])
            joined.append(pieces.popleft())
            count -= 1
        if count and most and len(pieces[0]) <= MOST_JOINED_BYTES:
            view = memoryview(pieces[0])
            self.taken += most
            joined.append(view[:most])
            pieces[0] = view[most:]
        return b"".join(joined)

    def pull(self, ahead: bool = False) -> None:
        if self._source is None:
            self._source = self.upload.source()
        row = ROW_PIECES if self.upload.is_there else self._row_length.row if ahead else 1
        pulled, began_at, count = self._pulled, time.monotonic(), 0
        while True:
            try:
                piece = next(self._source)
            except StopIteration:
                self._end()
                return
            self._put(piece)
            count += 1
            if count == row or self._pulled - pulled >= ROW_BYTES:
                break
            if time.monotonic() - began_at >= ROW_S:
                break
        if ahead:
            self._row_length.note(count, self._pulled - pulled, time.monotonic() - began_at)

    async def apull(self, on_wait: Callable[[], None] | None = None) -> None:
        if not self.upload.is_async:
            self.pull()
            return
        if self._source is None:
            self._source = self.upload.source()
        if on_wait is None or self._is_large:
            await self._apull_from(self._source.__anext__())
            return
        enough, ends_at = self._pulled + ROW_BYTES, time.monotonic() + ROW_S
        for _ in range(ROW_PIECES):
            step = NoticedWait(self._source.__anext__(), on_wait)
            await self._apull_from(step)
            if step.has_waited or self._has_ended or self._pulled >= enough:
                return
            if time.monotonic() >= ends_at:
                return

    async def _apull_from(self, step: Awaitable[object]) -> None:
        try:
            piece = await step
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
        size, limit = self.upload.size, self.upload.limit
        if size is not None and self._pulled + length > size:
            # Not counted: what is held back for its sake must not be let go by who drives now.
            raise unreadable(f"the body has more than the {size} bytes announced")
        self._pulled += length
        self._is_large = 2 * length > ROW_BYTES
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
