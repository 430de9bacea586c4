"""Who waits for a body that passes piece by piece: a thread, which drives meanwhile, or a task.

What the caller has to do itself is done between two waits, and never by who drives: asking the
source of a body that is sent for more, and telling how far it has come.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from onehttp_backends.bodies.upload import Sending
from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.curl.driving.blocking import BlockingTransfer
from onehttp_backends.curl.driving.event_loop import LoopDriver, LoopTransfer
from onehttp_backends.curl.driving.helm import Helm
from onehttp_backends.curl.driving.interrupts import is_interrupt
from onehttp_backends.curl.driving.waiting import failed, gone, overdue, overdue_at
from onehttp_backends.curl.engine.ownership import Claim, drives
from onehttp_backends.curl.engine.transfer import Flow, Transfer
from onehttp_backends.curl.stream_handle import StreamHandle
from onehttp_backends.errors import ReentrantCallError, TransferError
from onehttp_backends.optional.streaming import OnSent, StreamLimits


class BlockingStream(BlockingTransfer):
    """A thread reads."""

    __slots__ = ("flow",)

    flow: Flow

    def __init__(
        self, helm: Helm, handle: StreamHandle, request: Request, limits: StreamLimits
    ) -> None:
        super().__init__(helm, handle, request)
        self.flow = Flow(limits, handle.pieces, self.ring)


class LoopStream(LoopTransfer):
    """A task reads."""

    __slots__ = ("flow", "stirred")

    flow: Flow

    def __init__(
        self,
        helm: Helm,
        handle: StreamHandle,
        request: Request,
        limits: StreamLimits,
        loop_driver: LoopDriver,
    ) -> None:
        super().__init__(helm, handle, request, loop_driver)
        self.flow = Flow(limits, handle.pieces, self.stir)
        self.stirred: asyncio.Future[None] | None = None

    def stir(self) -> None:
        """Let the task look; from any thread."""
        if asyncio._get_running_loop() is self.loop_driver.loop:
            self._look()
        else:
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody reads
                self.loop_driver.loop.call_soon_threadsafe(self._look)

    def settle(self, outcome: Outcome) -> None:
        # Of all that may be done again, what ends the looking for it comes last.
        self.outcome = self.outcome or outcome
        self._look()
        super().settle(outcome)

    def _look(self) -> None:
        if self.stirred is not None and not self.stirred.done():
            self.stirred.set_result(None)


class CurlResponse:
    """An answer whose body is still to be read; see `OpenResponse`."""

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
            TransferError: there is none.
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
            self._go_on()
            self._wait(lambda: bool(pieces))
        return self._taken() if pieces else self._end()

    def _wait(self, is_there: Callable[[], bool]) -> None:
        """Wait until something is there, or will never be; do what only the caller can."""
        transfer, sending = self._blocking(), self._sending
        if sending is None or transfer.outcome is not None:
            _see_through(self._helm, transfer, is_there)
            return
        while transfer.outcome is None and not is_there():
            _see_through(self._helm, transfer, lambda: is_there() or self._is_asked())
            if sending.wants_more and transfer.outcome is None:
                sending.pull()
                if sending.has_paused and not sending.is_starved:
                    sending.has_paused = False
                    self._helm.enqueue(transfer)
            self._tell()

    # ---- a task

    async def abegin(self) -> None:
        """`begin`, awaited."""
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
        """Ask the source for more; what ends the transfer meanwhile ends that, too."""
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
        return sending.wants_more or (self._on_sent is not None and sending.sent != self._told)

    def _tell(self) -> None:
        sending = self._sending
        if self._on_sent is not None and sending is not None and sending.sent != self._told:
            self._told = sending.sent
            self._on_sent()

    def _go_on(self) -> None:
        """All is read: if the transfer was paused for that, it goes on."""
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


@drives
def _see_through(helm: Helm, transfer: BlockingStream, is_due: Callable[[], bool]) -> None:
    """Wait in the calling thread until ``is_due`` or the end; drive if nobody else does.

    Raises:
        ReentrantCallError: in a callback, or a signal handler that has hit the driver.
    """
    ownership, flow = helm.ownership, transfer.flow
    claim = Claim()
    try:
        helm.refuse_from_within()
        has_driven = False
        flow.is_awaited = False
        helm.waiting[transfer] = None
        while transfer.outcome is None and not is_due():
            if ownership.is_of(claim) or ownership.take(claim):
                has_driven = True
                _drive_until(helm, transfer, claim, is_due)
            elif ownership.is_gone:
                transfer.outcome = gone(transfer, ownership.failure)
            else:
                if ownership.is_asleep:
                    helm.engine.watch.wake()
                flow.is_awaited = True  # before the last look: who brings something rings
                if not is_due() and not transfer.wait():
                    _look_around(helm, transfer)
                flow.is_awaited = False
        helm.waiting.pop(transfer, None)
        if not has_driven and ownership.owner is None and helm.is_busy():
            helm.wake_next()
    except BaseException as error:
        helm.waiting.pop(transfer, None)
        helm.recover(error, claim)
        if isinstance(error, ReentrantCallError) or is_interrupt(error):
            raise
        transfer.outcome = transfer.outcome or failed(transfer.request, error)
        transfer.is_cancelled = True
        helm.enqueue(transfer)


def _drive_until(
    helm: Helm, transfer: BlockingStream, claim: Claim, is_due: Callable[[], bool]
) -> None:
    engine, ownership = helm.engine, helm.ownership
    while transfer.outcome is None and not (ownership.is_closing or ownership.is_gone or is_due()):
        engine.turn()
        if engine.ended:
            helm.step_aside(claim)
            return
    helm.waiting.pop(transfer, None)  # or it would be the one that is woken next
    helm.leave(claim)
    helm.waiting[transfer] = None


def _look_around(helm: Helm, transfer: Transfer) -> None:
    if time.monotonic() >= overdue_at(transfer):
        transfer.is_cancelled = True
        helm.enqueue(transfer)
        transfer.outcome = overdue(transfer)
    else:
        helm.look_for_lost_owner()
