"""Streamed transfers as drivers see them, and how a thread drives for its own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from onehttp_backends.bodies.upload import Sending
from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl.driving.blocking import BlockingTransfer
from onehttp_backends.curl.driving.event_loop import LoopDriver, LoopTransfer
from onehttp_backends.curl.driving.helm import Helm
from onehttp_backends.curl.driving.interrupts import is_interrupt
from onehttp_backends.curl.driving.waiting import failed_under, gone, overdue, overdue_at
from onehttp_backends.curl.engine.engine import Engine
from onehttp_backends.curl.engine.ownership import LOOK_AGAIN_S, Claim, drives
from onehttp_backends.curl.engine.reading_on import reads_on, sends_at_once, sends_on
from onehttp_backends.curl.engine.transfer import Flow, Transfer
from onehttp_backends.curl.stream_handle import StreamHandle
from onehttp_backends.errors import ReentrantCallError
from onehttp_backends.optional.streaming import StreamLimits


class BlockingStream(BlockingTransfer):
    """A transfer whose body a thread reads."""

    __slots__ = ("flow",)

    flow: Flow

    def __init__(
        self, helm: Helm, handle: StreamHandle, request: Request, limits: StreamLimits
    ) -> None:
        super().__init__(helm, handle, request)
        self.flow = Flow(limits, handle.pieces, self.ring)


class LoopStream(LoopTransfer):
    """A transfer whose body a task reads."""

    __slots__ = ("flow", "stirred", "wanted")

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
        self.wanted: asyncio.Future[None] | None = None
        """Set when the source of the request body should give more."""

    def stir(self) -> None:
        """Make the task look. Any thread may call this."""
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
        for awaited in (self.stirred, self.wanted):
            if awaited is not None:
                self.loop_driver.waking.tell(awaited, None)


def read_on(helm: Helm, transfer: BlockingStream) -> None:
    """Take a turn that reads for this transfer alone, if that is possible."""
    handle = transfer.handle
    if isinstance(handle, StreamHandle) and handle.lone_fd >= 0:
        _turn_alone(helm, handle, reads_on)


def send_on(helm: Helm, transfer: BlockingStream | LoopStream) -> None:
    """Take a turn that sends for it alone, if that is possible. Does not wait."""
    handle = transfer.handle
    if isinstance(handle, StreamHandle) and handle.sending_fd >= 0:
        _turn_alone(helm, handle, sends_at_once)


@drives
def _turn_alone(
    helm: Helm, handle: StreamHandle, turn: Callable[[Engine, StreamHandle], None]
) -> None:
    ownership = helm.ownership
    if helm.is_delivering:
        return
    claim = Claim()
    try:
        if ownership.take(claim):
            turn(helm.engine, handle)
            ownership.leave(claim)
            if helm.engine.inbox:  # it has come after the last look
                helm.ensure_driven()
    except BaseException as error:
        helm.recover(error, claim)
        if is_interrupt(error):
            raise


@drives
def feed(helm: Helm, transfer: BlockingStream | LoopStream, sending: Sending, until: float) -> None:
    """Ask the source of a body for more, and send it alone, again and again until it has to wait,
    or until a time (monotonic clock). Does not wait itself."""
    ownership, engine, claim = helm.ownership, helm.engine, Claim()
    stand_in = helm.stand_in
    try:
        if sending.may_block:
            stand_in.begin(transfer)
        while True:
            stand_in.asks += 1
            sending.pull(ahead=True)
            handle = transfer.handle
            if not isinstance(handle, StreamHandle) or handle.sending_fd < 0 or helm.is_delivering:
                return
            try:
                if not ownership.take(claim):
                    return
                sends_at_once(engine, handle)
                ownership.leave(claim)
                if engine.inbox:  # it has come after the last look
                    helm.ensure_driven()
                    return
            except BaseException as error:
                helm.recover(error, claim)
                if is_interrupt(error):
                    raise
                return
            if not sending.wants_more or transfer.outcome is not None or time.monotonic() >= until:
                return
    finally:
        stand_in.end(transfer)


@drives
def see_through(helm: Helm, transfer: BlockingStream, is_due: Callable[[], bool]) -> None:
    """Wait in the calling thread until ``is_due`` or the end, and drive if nobody else does.

    Raises:
        ReentrantCallError: called in a callback, or in a signal handler of a driving thread.
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
        transfer.give_up(failed_under(ownership, transfer.request, error))
        helm.enqueue(transfer)


def _drive_until(
    helm: Helm, transfer: BlockingStream, claim: Claim, is_due: Callable[[], bool]
) -> None:
    engine, ownership = helm.engine, helm.ownership
    while transfer.outcome is None and not (ownership.is_closing or ownership.is_gone or is_due()):
        handle = transfer.handle
        if not (isinstance(handle, StreamHandle) and sends_on(engine, handle)):
            engine.turn(LOOK_AGAIN_S)
        if engine.ended:
            helm.step_aside(claim, transfer)
            return
        if time.monotonic() >= overdue_at(transfer):  # libcurl should have ended it
            _look_around(helm, transfer)
    helm.waiting.pop(transfer, None)  # or it would be the one that is woken next
    helm.leave(claim)
    helm.waiting[transfer] = None


def _look_around(helm: Helm, transfer: Transfer) -> None:
    if time.monotonic() >= overdue_at(transfer):
        transfer.give_up(overdue(transfer))
        helm.enqueue(transfer)
    else:
        helm.look_for_lost_owner()
