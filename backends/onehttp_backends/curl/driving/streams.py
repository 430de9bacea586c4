"""Readers of streamed responses: a thread, which drives while it waits, or a task.

Code of the caller runs between two waits, and never in the driver: the source of a body is asked
for more, and progress is reported.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from typing import Final

from onehttp_backends.bodies.upload import Sending
from onehttp_backends.contract import Response
from onehttp_backends.curl.driving.helm import Helm
from onehttp_backends.curl.driving.stream_transfers import (
    BlockingStream,
    LoopStream,
    feed,
    read_on,
    see_through,
    send_on,
)
from onehttp_backends.curl.stream_handle import StreamHandle
from onehttp_backends.errors import ReentrantCallError, TransferError
from onehttp_backends.optional.streaming import OnSent

SLICE_S: Final = 0.002
"""How long the loop may be held up by a source that always has more at once."""


class CurlResponse:
    """A response whose body has still to be read; see `OpenResponse`."""

    __slots__ = (
        "_feeding",
        "_flow",
        "_helm",
        "_on_sent",
        "_sending",
        "_told",
        "_transfer",
        "is_coded",
        "response",
    )

    response: Response

    def __init__(
        self,
        helm: Helm,
        transfer: BlockingStream | LoopStream,
        sending: Sending | None,
        on_sent: OnSent | None,
    ) -> None:
        self._helm = helm
        self._transfer = transfer
        self.is_coded = transfer.request.options.decompress
        self._flow = transfer.flow
        self._sending = sending
        self._on_sent = on_sent
        transfer.flow.is_followed = on_sent is not None
        self._told = 0
        self._feeding: asyncio.Task[None] | None = None

    # ---- a thread

    def begin(self) -> None:
        """Wait for the head.

        Raises:
            TransferError: there was none.
        """
        transfer = self._blocking()
        try:
            transfer.helm.enqueue(transfer)
            self._wait(lambda: self._flow.head is not None)
            self.response = self._head()
        except BaseException:
            self.close()
            raise

    def take(self) -> list[bytes]:
        """See `OpenResponse`."""
        pieces = self._flow.pieces
        if not pieces and self._transfer.outcome is None:
            read_on(self._helm, self._blocking())
            if not pieces and self._transfer.outcome is None:
                self._go_on()
                self._wait(lambda: bool(pieces))
        return self._taken() if pieces else self._end()

    def _wait(self, is_there: Callable[[], bool]) -> None:
        """Wait until ``is_there`` or the end; meanwhile, run the code of the caller that is due."""
        transfer, sending = self._blocking(), self._sending
        if sending is None or transfer.outcome is not None:
            see_through(self._helm, transfer, is_there)
            return
        while transfer.outcome is None and not is_there():
            if sending.wants_more:
                feed(self._helm, transfer, sending, 0.0 if self._on_sent else math.inf)
                if sending.has_more_again:
                    sending.has_paused = False
                    self._helm.enqueue(transfer)
            else:
                see_through(self._helm, transfer, lambda: is_there() or self._is_asked())
            self._tell()

    # ---- a task

    async def abegin(self) -> None:
        """`begin`, awaitable."""
        transfer = self._looped()
        try:
            transfer.loop_driver.submit(transfer)
            await self._await(lambda: self._flow.head is not None)
            self.response = self._head()
        except BaseException:
            self.close()
            raise

    async def atake(self) -> list[bytes]:
        """See `OpenResponse`."""
        pieces = self._flow.pieces
        if not pieces and self._transfer.outcome is None:
            self._go_on()
            await self._await(lambda: bool(pieces))
        return self._taken() if pieces else self._end()

    async def _await(self, is_there: Callable[[], bool]) -> None:
        transfer, sending, loop = self._looped(), self._sending, self._looped().loop_driver.loop
        try:
            while transfer.outcome is None and not is_there():
                stirred = transfer.stirred = loop.create_future()
                if transfer.outcome is not None or is_there():
                    break
                if self._feeding is not None and self._feeding.done():
                    self._feeding.result()
                elif self._feeding is None and sending is not None and sending.wants_more:
                    self._feeding = loop.create_task(self._feed(transfer, sending))
                    self._feeding.add_done_callback(lambda _: transfer.stir())
                await stirred
                self._tell()
        except BaseException:
            await self._end_feeding()
            raise
        if transfer.outcome is not None:
            await self._end_feeding()

    async def _feed(self, transfer: LoopStream, sending: Sending) -> None:
        """Ask the source for more whenever there is room, until its end. This runs as a task of its
        own: everything that the source awaits is awaited in that one task, and it is cancelled when
        the transfer ends."""
        loop = transfer.loop_driver.loop
        rests_at = time.monotonic() + SLICE_S

        def hand_over() -> None:
            send_on(self._helm, transfer)
            if sending.has_more_again:
                sending.has_paused = False
                transfer.loop_driver.submit(transfer)
            if self._on_sent is not None:
                transfer.stir()

        while not sending.is_given:
            if not sending.wants_more:
                transfer.loop_driver.turn()  # after short turns the loop knows of no timer
                if not sending.wants_more:
                    # Made after the turn: that may have told of other things, and would end it.
                    transfer.wanted = loop.create_future()
                    await transfer.wanted
                continue
            if sending.may_block:
                feed(self._helm, transfer, sending, 0.0 if self._on_sent else rests_at)
            else:
                await sending.apull(hand_over)
            hand_over()
            if time.monotonic() >= rests_at:
                transfer.loop_driver.is_resting = True
                try:
                    await asyncio.sleep(0)
                finally:
                    transfer.loop_driver.is_resting = False
                rests_at = time.monotonic() + SLICE_S

    async def _end_feeding(self) -> None:
        feeding, self._feeding = self._feeding, None
        if feeding is not None:
            feeding.cancel()
            await asyncio.wait({feeding})
            if not feeding.cancelled():
                feeding.exception()  # the transfer has ended with something of its own

    # ---- both

    def close(self) -> None:
        """See `OpenResponse`."""
        self._flow.pieces.clear()
        if self._sending is not None:
            self._sending.is_over = True
        if self._feeding is not None:
            with contextlib.suppress(RuntimeError):  # the loop was closed
                self._looped().loop_driver.loop.call_soon_threadsafe(self._feeding.cancel)
        self._transfer.cancel()

    def _is_asked(self) -> bool:
        sending = self._sending
        assert sending is not None
        return sending.wants_more or (self._on_sent is not None and sending.taken != self._told)

    def _tell(self) -> None:
        sending = self._sending
        if self._on_sent is not None and sending is not None and sending.taken != self._told:
            self._told = sending.taken
            self._on_sent()

    def _go_on(self) -> None:
        """Resume the transfer if it was paused, since everything was read."""
        transfer = self._transfer
        handle = transfer.handle
        if isinstance(handle, StreamHandle) and handle.is_paused:
            if isinstance(transfer, LoopStream):
                transfer.loop_driver.submit(transfer)
            else:
                self._helm.enqueue(transfer)

    def _head(self) -> Response:
        outcome = self._transfer.outcome
        if isinstance(outcome, Response):
            return outcome
        if self._flow.head is not None:
            return self._flow.head
        raise self._failure(outcome)

    def _taken(self) -> list[bytes]:
        pieces = self._flow.pieces
        taken = [pieces.popleft() for _ in range(len(pieces))]
        self._flow.taken += sum(map(len, taken))
        return taken

    def _end(self) -> list[bytes]:
        outcome = self._transfer.outcome
        if isinstance(outcome, Response):
            self.response = outcome  # knows when it ended, and what came behind the body
            return []
        raise self._failure(outcome)

    def _failure(self, outcome: TransferError | None) -> BaseException:
        if self._sending is not None and self._sending.error is not None:
            return self._sending.error
        assert outcome is not None
        return outcome

    def _blocking(self) -> BlockingStream:
        if isinstance(self._transfer, BlockingStream):
            return self._transfer
        raise ReentrantCallError("opened by astream(), so it is read by `async for` and `await`")

    def _looped(self) -> LoopStream:
        if isinstance(self._transfer, LoopStream):
            return self._transfer
        raise ReentrantCallError("opened by stream(), so it is read by `for`, in a thread")
