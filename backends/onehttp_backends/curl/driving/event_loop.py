"""An event loop as driver: one reader on the engine's epoll descriptor, and one timer.

The loop watches a second epoll set that holds the engine's. It arms it when it leaves the engine
to nobody, and disarms it when it finds that another thread drives, so that the loop does not spin
on events that are somebody else's.

While a task waits, a look at everything is due within `LOOK_AGAIN_S`, and another after it: a loop
goes on after an exception in a callback, which may have been the first of them at its first line.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import time
from collections import deque
from typing import Protocol

from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl.driving.waiting import gone, overdue, overdue_at
from onehttp_backends.curl.driving.waking import Waking
from onehttp_backends.curl.engine.engine import Engine
from onehttp_backends.curl.engine.ownership import LOOK_AGAIN_S
from onehttp_backends.curl.engine.reading_on import is_fed
from onehttp_backends.curl.engine.transfer import Driving, Transfer
from onehttp_backends.curl.handle import Handle


class Sharing(Driving, Protocol):
    """The part of the helm that a loop uses."""

    engine: Engine

    def loop_turn(self) -> float | None:
        """Make one turn without waiting.

        Returns:
            Seconds until the loop must look again (-1: any number). None if another thread drives,
            or has been woken to drive, so that the loop need not look.
        """

    def look_for_lost_owner(self) -> None:
        """Abandon the engine if its owner is dead."""


class LoopTransfer(Transfer):
    """A transfer that a task of an event loop waits for."""

    __slots__ = ("future", "loop_driver")

    def __init__(
        self, helm: Driving, handle: Handle, request: Request, loop_driver: LoopDriver
    ) -> None:
        Transfer.__init__(self, helm, handle, request)  # `super()` takes as long as this
        self.loop_driver = loop_driver
        self.future: asyncio.Future[Outcome] = loop_driver.loop.create_future()

    def deliver(self) -> None:
        loop_driver = self.loop_driver
        loop_driver.ended.append(self)
        if not loop_driver.is_flush_due:
            loop_driver.flush_soon()

    def settle(self, outcome: Outcome) -> None:
        """Give the task its outcome, in the thread of the loop."""
        self.loop_driver.waking.tell(self.future, outcome)
        self.loop_driver.transfers.discard(self)


class LoopDriver:
    """A running loop's part in driving an engine.

    Its methods run in the loop's thread, except for `wake`, `flush_soon` and `close`, which any
    thread may call.
    """

    def __init__(self, helm: Sharing, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.transfers: set[LoopTransfer] = set()
        """Transfers that tasks of this loop wait for."""
        self.waking = Waking(loop)
        self._helm = helm
        self._inbox = helm.engine.inbox
        self.ended: deque[LoopTransfer] = deque()
        """Transfers whose tasks have to be told. Any thread may add one, and then looks at the
        flag."""
        self.is_flush_due = False
        """They will be."""
        self._is_turn_due = False
        self.is_resting = False
        """A task that feeds a body lets others run, and goes on in the next iteration."""
        self._timer: asyncio.Handle | None = None
        self._timer_due = 0.0
        self._looks: tuple[asyncio.Handle, ...] = ()
        self._next_look = 0.0
        self._watch = select.epoll()
        self._watched = helm.engine.watch.fileno()
        self._watch.register(self._watched, 0)
        self._is_armed: bool | None = False
        """The set tells of the engine's events; None: not known."""
        loop.add_reader(self._watch.fileno(), self.turn)

    def submit(self, transfer: LoopTransfer) -> None:
        """Start a transfer, together with all others of this iteration of the loop."""
        self.transfers.add(transfer)
        if self._next_look <= time.monotonic():
            self._set_looks()
        self._inbox.append(transfer)
        if not self._is_turn_due:
            self.loop.call_soon(self.turn)
            self._is_turn_due = True

    def turn(self) -> None:
        """Drive for one turn, unless somebody else does."""
        self._is_turn_due = False
        if self.is_resting and is_fed(self._helm.engine):
            return
        ownership = self._helm.engine.ownership
        self.is_flush_due = True
        try:
            left_s = None if ownership.is_gone else self._helm.loop_turn()
        finally:
            self._flush()
        if ownership.is_gone:
            self._end_all()
        elif left_s is None:
            self._arm(False)
        elif self.transfers:
            self._arm(True)
            if 0 <= left_s < LOOK_AGAIN_S:
                self._set_timer(left_s)

    def _arm(self, is_wanted: bool) -> None:
        if self._is_armed is not is_wanted:
            self._is_armed = None
            with contextlib.suppress(OSError):  # the engine was closed just now
                self._watch.modify(self._watched, select.EPOLLIN if is_wanted else 0)
                self._is_armed = is_wanted

    def wake(self) -> bool:
        """Make the loop take a turn; False if it is closed. Any thread may call this."""
        try:
            self.loop.call_soon_threadsafe(self.turn)
        except RuntimeError:
            return False
        return True

    def flush_soon(self) -> None:
        """Give the tasks their outcomes soon, in the loop's thread."""
        self.is_flush_due = True  # before: the loop may have told them when we come back
        try:
            self.loop.call_soon_threadsafe(self._flush)
        except BaseException as error:
            self.is_flush_due = False
            if not isinstance(error, RuntimeError):  # the loop was closed: nobody waits
                raise

    def close(self) -> None:
        """Close the descriptor; the loop may be closed already. Any thread may call this."""
        if self.loop.is_closed():
            self._watch.close()
        elif asyncio._get_running_loop() is self.loop:
            self._let_go()
        else:
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        self._end_all()
        if not self._watch.closed:
            self.loop.remove_reader(self._watch.fileno())
            self._watch.close()
        for handle in (self._timer, *self._looks):
            if handle is not None:
                handle.cancel()

    def _flush(self) -> None:
        self.is_flush_due = False
        ended = self.ended
        while ended:
            transfer = ended[0]
            if transfer.outcome is not None:
                transfer.settle(transfer.outcome)
            ended.popleft()

    def _end_all(self) -> None:
        """End all its transfers, because the engine is gone."""
        failure = self._helm.engine.ownership.failure
        for transfer in list(self.transfers):
            transfer.settle(transfer.outcome or gone(transfer, failure))

    def _set_timer(self, delay_s: float) -> None:
        # One that is due earlier will do: it asks libcurl again. So a burst of transfers, each
        # with its own deadline, costs one timer. When it is due is noted here: not every loop's
        # handle knows (uvloop).
        now = self.loop.time()
        due = now + delay_s
        if self._timer is not None:
            if now <= self._timer_due <= due:
                return
            self._timer.cancel()
        self._timer_due = due
        self._timer = self.loop.call_at(due, self._end_timer)

    def _end_timer(self) -> None:
        self._timer = None
        self.turn()

    def _set_looks(self) -> None:
        call_later, old = self.loop.call_later, self._looks
        self._looks = (
            call_later(LOOK_AGAIN_S, self._look),
            call_later(2 * LOOK_AGAIN_S, self._look),
        )
        self._next_look = time.monotonic() + LOOK_AGAIN_S
        for handle in old:
            handle.cancel()

    def _look(self) -> None:
        """Check for what should have happened by itself, in case something went wrong."""
        if not (self.transfers or self.waking.sleepers):
            return
        self._set_looks()
        self.waking.look()
        self._is_armed = None
        self.turn()
        self._flush()
        now = time.monotonic()
        for transfer in list(self.transfers):
            if transfer.outcome is None and now >= overdue_at(transfer):
                transfer.give_up(overdue(transfer))
                self._helm.engine.inbox.append(transfer)
            if transfer.outcome is not None:
                transfer.settle(transfer.outcome)
        self._helm.look_for_lost_owner()
