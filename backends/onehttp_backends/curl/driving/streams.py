"""Readers of streamed responses: a thread, which drives while it waits, or a task.

Code of the caller runs between two waits, and never in the driver: the source of a body is asked
for more, and progress is reported.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from onehttp_backends.bodies.upload import Sending
from onehttp_backends.contract import Response
from onehttp_backends.curl.driving.helm import Helm
from onehttp_backends.curl.driving.stream_transfers import (
    BlockingStream,
    LoopStream,
    read_on,
    see_through,
)
from onehttp_backends.curl.stream_handle import StreamHandle
from onehttp_backends.errors import ReentrantCallError, TransferError
from onehttp_backends.optional.streaming import OnSent


class CurlResponse:
    """A response whose body has still to be read; see `OpenResponse`."""

    __slots__ = (
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
        self._told = 0

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
            see_through(self._helm, transfer, lambda: is_there() or self._is_asked())
            if sending.wants_more and transfer.outcome is None:
                sending.pull()
                if sending.has_paused and not sending.is_starved:
                    sending.has_paused = False
                    self._helm.enqueue(transfer)
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
        transfer, sending = self._looped(), self._sending
        while transfer.outcome is None and not is_there():
            stirred = transfer.stirred = transfer.loop_driver.loop.create_future()
            if transfer.outcome is not None or is_there():
                return
            if sending is None or not sending.wants_more:
                await stirred
            else:
                await self._feed(transfer, sending, stirred)
            self._tell()

    async def _feed(
        self, transfer: LoopStream, sending: Sending, stirred: asyncio.Future[None]
    ) -> None:
        """Ask the source for more. The end of the transfer ends that, too."""
        if not sending.upload.is_async:
            sending.pull()
        else:
            pulling = asyncio.ensure_future(sending.apull())
            try:
                while not pulling.done() and transfer.outcome is None:
                    await asyncio.wait({pulling, stirred}, return_when=asyncio.FIRST_COMPLETED)
                    if stirred.done():
                        stirred = transfer.stirred = transfer.loop_driver.loop.create_future()
            finally:
                if not pulling.done():
                    pulling.cancel()
                    await asyncio.wait({pulling})
            if pulling.cancelled():
                return
            pulling.result()
        if sending.has_paused and not sending.is_starved:
            sending.has_paused = False
            transfer.loop_driver.submit(transfer)

    # ---- both

    def close(self) -> None:
        """See `OpenResponse`."""
        self._flow.pieces.clear()
        if self._sending is not None:
            self._sending.is_over = True
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
