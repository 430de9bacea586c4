"""The ways to drive an engine: what the backend calls.

| driver                 | when it drives                                                  |
|------------------------|-----------------------------------------------------------------|
| a blocking caller      | when nobody does as it arrives or is rung; until its own        |
|                        | answer is there, or the first of its window                     |
| a stream's reader      | likewise, or as a loop does, while it waits for head or piece   |
| an event loop          | while transfers of its tasks are in flight and nobody drives    |
| the engine's threads   | while transfers with callbacks are in flight and nobody drives  |
| a foreign loop         | when it lends its time (`Helm.drive`)                           |

A driver that leaves rings the next one: a blocked caller first, since its thread has to be rung
anyway, then the engine's threads, since a loop may be busy with something else.
`ownership` explains why no transfer is ever left without a driver.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Any, Final

from onehttp_backends.contract import Request
from onehttp_backends.curl.driving.blocking import BlockingTransfer, Waiter
from onehttp_backends.curl.driving.callbacks import CallbackTransfer
from onehttp_backends.curl.driving.crew import Crew
from onehttp_backends.curl.driving.event_loop import LoopDriver
from onehttp_backends.curl.driving.interrupts import is_interrupt
from onehttp_backends.curl.driving.waiting import (
    EngineGoneError,
    failed_under,
    gone,
    overdue,
    overdue_at,
)
from onehttp_backends.curl.driving.window import Window
from onehttp_backends.curl.engine.account import Answer, Earlier
from onehttp_backends.curl.engine.ownership import LOOK_AGAIN_S, Claim, drives
from onehttp_backends.curl.engine.reading_on import sends_ahead
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.sockets.socket import FITS_AT_ONCE_BYTES
from onehttp_backends.errors import OnehttpError

if TYPE_CHECKING:
    import asyncio

DRIVER_PATIENCE_S: Final = 1.0


class Helm(Crew):
    """One method for each way to drive an engine. Any thread may call any method."""

    # ---- blocking callers

    @drives
    def perform(self, handle: Handle, request: Request, earlier: Earlier | None = None) -> Answer:
        """Run a transfer to its end in the calling thread.

        Raises:
            ReentrantCallError: called in a callback, or in a signal handler of a driving thread.
            EngineGoneError: the engine was gone before the transfer began.
        """
        engine, ownership = self.engine, self.ownership
        transfer: BlockingTransfer | None = None
        claim = Claim()
        try:
            if self._delivering:
                self.refuse_from_within()
            if ownership.take(claim):
                if not (engine.running or engine.inbox or handle.progress) and (
                    (body := request.body) is None or len(body) <= FITS_AT_ONCE_BYTES
                ):
                    outcome = engine.single.perform(handle, request, earlier)
                    if outcome is not None:
                        ownership.leave(claim)
                        if engine.inbox:  # another transfer has arrived meanwhile
                            self.ensure_driven()
                        return outcome
                    transfer = BlockingTransfer(self, handle, request)
                    engine.adopt(transfer)
                else:
                    transfer = BlockingTransfer(self, handle, request)
                    engine.inbox.append(transfer)
            else:
                self.refuse_from_within()
                if ownership.is_gone:
                    raise EngineGoneError
                transfer = BlockingTransfer(self, handle, request)
                engine.inbox.append(transfer)
            self._see_through(transfer, claim)
            assert transfer.outcome is not None
            return transfer.outcome
        except BaseException as error:
            self.recover(error, claim, transfer, handle)
            if isinstance(error, (OnehttpError, EngineGoneError)) or is_interrupt(error):
                raise
            return failed_under(ownership, request, error)

    @drives
    def wait_for_any(self, window: Window[Any]) -> None:
        """Run the transfers of a window until one of them has ended, in the calling thread.

        Raises:
            ReentrantCallError: as `perform`.
        """
        claim = Claim()
        try:
            self.refuse_from_within()
            self._see_through(window, claim)
        except BaseException as error:
            is_callers = isinstance(error, OnehttpError) or is_interrupt(error)
            left = [] if is_callers else list(window.transfers)
            for transfer in left:
                outcome = failed_under(self.ownership, transfer.request, error)
                transfer.outcome = transfer.outcome or outcome
            self.recover(error, claim, window)
            if is_callers:
                raise
            for transfer in left:
                transfer.deliver()

    def _see_through(self, waiter: Waiter, claim: Claim) -> None:
        ownership = self.ownership
        # Before the first look at the state: an owner that leaves after that look sees it. The
        # caller has the waiter in a variable by now, and removes it whatever is raised.
        self.waiting[waiter] = None
        while waiter.outcome is None:
            if ownership.is_of(claim) or ownership.take(claim):
                self._drive_until_ended(waiter, claim)
                continue
            if ownership.is_gone:
                self.end_those_gone(waiter)
                break
            if ownership.is_asleep:
                self.engine.watch.wake()
            if not waiter.wait():
                self._end_overdue(waiter)
                self.look_for_lost_owner()
        self.waiting.pop(waiter, None)
        if ownership.owner is None:
            self.wake_next()

    def _drive_until_ended(self, waiter: Waiter, claim: Claim) -> None:
        engine, ownership = self.engine, self.ownership
        due = overdue_at(waiter)
        while waiter.outcome is None and not (ownership.is_closing or ownership.is_gone):
            engine.turn(LOOK_AGAIN_S)
            if engine.ended and waiter.outcome is None:
                self.step_aside(claim, waiter)
                return
            if time.monotonic() >= due:  # libcurl should have ended it
                self._end_overdue(waiter)
        self.leave(claim)

    def end_those_gone(self, waiter: Waiter) -> None:
        """End the transfers of a waiter, because the engine is gone."""
        for transfer in list(waiter.transfers):
            transfer.outcome = transfer.outcome or gone(transfer, self.ownership.failure)
            transfer.deliver()

    def _end_overdue(self, waiter: Waiter) -> None:
        """End the transfers of a waiter that the driver has failed to end in time."""
        now = time.monotonic()
        for transfer in list(waiter.transfers):
            if transfer.outcome is None and now >= overdue_at(transfer):
                transfer.give_up(overdue(transfer))
                self.enqueue(transfer)
                transfer.deliver()

    # ---- a foreign loop

    @drives
    def drive(self, until_fd: int, deadline_s: float) -> bool:
        """Run transfers until ``until_fd`` is readable (True) or ``deadline_s`` has passed.

        For a process with an event loop of its own, which lends the engine its idle time.

        Raises:
            ReentrantCallError: called in a callback, or in a signal handler of a driving thread.
            ValueError: ``until_fd`` is no descriptor; TypeError: it is not even a number.
        """
        end = time.monotonic() + deadline_s
        select.poll().register(until_fd)  # a bad one raises here, not inside the engine
        self.refuse_from_within()
        claim = Claim()
        try:
            while True:
                if self.ownership.take(claim):
                    if self._drive_until_readable(claim, until_fd, end):
                        return True
                elif _is_readable(until_fd, min(max(0.0, end - time.monotonic()), LOOK_AGAIN_S)):
                    return True
                if time.monotonic() >= end:
                    return False
        except BaseException as error:
            self.recover(error, claim)
            if is_interrupt(error):
                raise
            return _is_readable(until_fd, max(0.0, end - time.monotonic()))

    def _drive_until_readable(self, claim: Claim, until_fd: int, end: float) -> bool:
        engine, ownership = self.engine, self.ownership
        poller = select.poll()
        poller.register(until_fd, select.POLLIN)
        poller.register(engine.watch.fileno(), select.POLLIN)
        is_readable = False
        while not (ownership.is_gone or ownership.is_closing):
            engine.turn(0)
            if engine.ended:
                self.step_aside(claim)
                if not ownership.take(claim):
                    return False
            left_ms = max(0.0, (end - time.monotonic()) * 1000)
            timeout_ms = engine.wait_ms()
            ownership.is_asleep = True
            # From here on a thread that fills the inbox sees that this one sleeps, and wakes it.
            wait_ms = 0 if engine.inbox else left_ms if timeout_ms < 0 else min(left_ms, timeout_ms)
            ready = poller.poll(wait_ms)
            ownership.is_asleep = False
            is_readable = any(fd == until_fd for fd, _ in ready)
            if is_readable or time.monotonic() >= end:
                break
        self.leave(claim)
        return is_readable

    # ---- event loops

    def loop_driver(self, loop: asyncio.AbstractEventLoop) -> LoopDriver:
        """The driver of a running loop; it is made for the loop's first transfer.

        Raises:
            EngineGoneError: the engine is gone, so no transfer can begin on it.
        """
        loop_driver = self.loop_drivers.get(loop)
        if loop_driver is None:
            self.drop_closed_loops()  # in which the engine may fail
        if self.ownership.is_gone:
            raise EngineGoneError
        if loop_driver is None:
            try:
                loop_driver = self.loop_drivers[loop] = LoopDriver(self, loop)
            except ValueError as error:  # its descriptors are closed since a moment ago
                raise EngineGoneError from error
        return loop_driver

    @drives
    def loop_turn(self) -> float | None:
        """See `Sharing`."""
        engine, ownership = self.engine, self.ownership
        left_ms: float | None = None
        claim = Claim()
        try:
            if not ownership.take(claim):
                if engine.inbox and ownership.is_asleep:
                    engine.watch.wake()
                return None
            engine.turn(0)
            sends_ahead(engine)
            while True:
                if engine.inbox:
                    engine.admit()
                left_ms = engine.wait_ms()
                self.step_aside(claim)
                if not engine.inbox or not ownership.take(claim):
                    break
        except BaseException as error:
            self.recover(error, claim)
            if is_interrupt(error):
                raise
            return None
        # Not all of them need a driver: some may have their answer, and not have looked yet.
        if (self.waiting or self.threads.pending) and self.wake_thread():
            return None
        return left_ms / 1000

    # ---- the engine's threads

    def submit(self, transfer: CallbackTransfer) -> None:
        """Start a transfer whose outcome is given to a callback.

        Raises:
            EngineGoneError: the engine is gone, so no transfer can begin on it.
        """
        if self.is_gone:
            raise EngineGoneError
        is_first = not self.threads.pending
        try:
            self.threads.pending.add(transfer)
            self.enqueue(transfer)
            if not self.is_lent:
                self.threads.look_after(is_first)
        except BaseException:
            transfer.cancel()
            raise

    # ---- the end

    @drives
    def close(self, grace_s: float) -> None:
        """Wait up to ``grace_s`` for transfers in flight, end those left, and close the
        multi.

        Raises:
            ReentrantCallError: called from a callback of this engine.
        """
        self.refuse_from_within()
        end = time.monotonic() + grace_s
        claim = Claim()
        try:
            if self._take_over(claim, end + DRIVER_PATIENCE_S):
                # A callback that another thread runs counts as in flight; its end wakes us.
                while self.is_busy() and (left_s := end - time.monotonic()) > 0:
                    self.engine.turn(left_s)
                    self.deliver()
        finally:
            self._finish_closing(claim, end + DRIVER_PATIENCE_S)

    @drives
    def _finish_closing(self, claim: Claim, deadline: float) -> None:
        engine, ownership = self.engine, self.ownership
        try:
            is_ours = self._take_over(claim, deadline)  # done already, unless interrupted
            if is_ours and not ownership.is_gone:
                engine.cancel_all("the engine was closed")
                engine.close()
            elif not is_ours:  # the owner hangs in libcurl: leave multi and sockets to it
                ownership.lose()
                engine.make_immortal()
            self.end_everybody()
        except BaseException as error:
            self.crash(error)
            if is_interrupt(error):
                raise

    def _take_over(self, claim: Claim, deadline: float) -> bool:
        # The owner, once woken, finishes its turn and sees that the engine is closing.
        while not self.ownership.close(claim):
            if self.ownership.is_gone:
                return True
            self.engine.watch.wake()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True


def _is_readable(fd: int, wait_s: float) -> bool:
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(wait_s * 1000))
