"""What all drivers of an engine share: waking the next one, running callbacks, recovering.

A driver drives between `Ownership.take` and `Crew.leave`, in a function that keeps its claim in the
local variable ``claim`` and passes every exception to `Crew.recover`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import get_ident
from typing import TYPE_CHECKING, Final, NamedTuple

from onehttp_backends.curl.driving.blocking import Waiter
from onehttp_backends.curl.driving.callbacks import EngineThreads
from onehttp_backends.curl.driving.event_loop import LoopDriver
from onehttp_backends.curl.driving.interrupts import is_interrupt
from onehttp_backends.curl.driving.stand_in import StandIn
from onehttp_backends.curl.driving.waiting import gone
from onehttp_backends.curl.engine.engine import Engine
from onehttp_backends.curl.engine.ownership import LOOK_AGAIN_S, Claim, drives
from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.handle import Handle
from onehttp_backends.errors import ReentrantCallError

if TYPE_CHECKING:
    import asyncio

logger = logging.getLogger("onehttp")

LOOKS_AT_LOST: Final = 3
REENTRANT: Final = (
    "called from a callback (or signal handler) that runs inside this engine's driver, "
    "which would wait for itself; hand the work to another thread"
)


class Suspect(NamedTuple):
    """An owner that makes no turns, and how often its thread's stack did not show it."""

    owner: Claim
    turns: int
    seen_at: float
    looks: int


class LostOwnerError(RuntimeError):
    """The owner is dead: its thread has ended, or was interrupted while it recovered."""


class Crew:
    """All threads and loops that may drive one engine, and what each does for the others."""

    def __init__(self, engine: Engine, on_gone: Callable[[Crew], None] | None = None) -> None:
        self.engine = engine
        self.ownership = engine.ownership
        self.threads = EngineThreads(self)
        self.stand_in = StandIn(self)
        self._on_gone = on_gone
        self.is_lent = False
        """A foreign loop drives at regular intervals, and `threads` has none: callbacks run in that
        loop, or in the thread of a caller that has driven meanwhile."""
        self.waiting: dict[Waiter, None] = {}
        self.loop_drivers: dict[asyncio.AbstractEventLoop, LoopDriver] = {}
        self._delivering: dict[int, Claim] = {}
        """Threads that run callbacks. They may not make blocking calls on this engine."""
        self._suspect: Suspect | None = None

    @property
    def is_gone(self) -> bool:
        """Whether the engine was closed, has crashed, or belongs to the parent process."""
        return self.ownership.is_gone

    @property
    def is_delivering(self) -> bool:
        """Whether some thread runs callbacks."""
        return bool(self._delivering)

    def is_busy(self) -> bool:
        """Whether a transfer waits to begin, is in flight, or has its callback running."""
        return bool(self.threads.pending) or not self.engine.is_idle()

    # ---- everybody

    def enqueue(self, transfer: Transfer) -> None:
        """Add a transfer (or its cancellation) to the inbox, and make sure that there is a
        driver."""
        self.engine.inbox.append(transfer)
        if not (self.is_lent and self.ownership.owner is None):  # else `drive` admits all at once
            self.ensure_driven()

    @drives
    def ensure_driven(self) -> None:
        """Wake the driver, or make sure there is one."""
        ownership = self.ownership
        claim = Claim()
        try:
            if ownership.take(claim):
                self.leave(claim, delivers=False)
            elif ownership.is_gone:
                self.end_leftovers()
            elif ownership.is_asleep:
                self.engine.watch.wake()
        except BaseException as error:
            self.recover(error, claim)
            if is_interrupt(error):
                raise

    def drop_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel the transfers of a loop that was closed: its tasks do not wait any more."""
        loop_driver = self.loop_drivers.pop(loop, None)
        if loop_driver is not None:
            loop_driver.close()
            for transfer in list(loop_driver.transfers):
                transfer.is_cancelled = True
                self.engine.inbox.append(transfer)

    def drop_closed_loops(self) -> None:
        """Find loops that were closed (they do not report it), and drop them."""
        closed = [loop for loop in list(self.loop_drivers) if loop.is_closed()]
        for loop in closed:
            self.drop_loop(loop)
        if closed and self.engine.inbox:
            self.ensure_driven()

    def forget(self) -> None:
        """In a forked child: drop everything, since engine and waiters belong to the parent."""
        engine, owner = self.engine, self.ownership.owner
        engine.leave_to_parent(goes_on=owner is not None and owner.thread == get_ident())
        for crowd in (engine.inbox, engine.ended, engine.running, self.waiting):
            crowd.clear()
        self.threads.pending.clear()

    # ---- leaving

    def leave(self, claim: Claim, delivers: bool = True) -> None:
        """Stop driving, leave no work undone, and wake the next driver if one is needed.

        Args:
            delivers: run the callbacks that are due, if a thread of the caller's may; otherwise the
                engine's threads run them.
        """
        engine, ownership = self.engine, self.ownership
        while True:
            if engine.inbox and not ownership.is_gone:
                engine.admit()
            ownership.leave(claim)
            # A transfer may have been added between the last look and the leaving.
            if not engine.inbox or not ownership.take(claim):
                break
        if engine.running or engine.inbox:
            self.wake_next()
        if engine.ended:
            if delivers:
                self.threads.have_delivered()
            elif not self.is_lent:
                self.threads.ring()

    def step_aside(self, claim: Claim, waiter: Waiter | None = None) -> None:
        """Leave the engine to others while running the callbacks of ended transfers.

        Args:
            waiter: the waiter of the thread that steps aside, if it has one. It is not rung
                meanwhile, since its thread is busy with the callbacks.
        """
        if waiter is not None:
            self.waiting.pop(waiter, None)
        self.ownership.leave(claim)
        if self.waiting:
            self.wake_thread()
        if self.engine.ended:
            self.threads.have_delivered()
        if waiter is not None:
            self.waiting[waiter] = None

    def wake_next(self) -> None:
        """Ring a waiter that can drive, since nobody does now. It looks at the state itself."""
        if self.wake_thread():
            return
        has_lost_some = False
        for loop_driver in list(self.loop_drivers.values()):
            if loop_driver.transfers and not loop_driver.wake():
                self.drop_loop(loop_driver.loop)
                has_lost_some = True
        if has_lost_some and self.engine.inbox:
            self.ensure_driven()

    def wake_thread(self) -> bool:
        """Ring a thread that can drive; False if none is waiting."""
        for waiter in list(self.waiting):
            if waiter.outcome is None:
                waiter.ring()
                return True
        if self.threads.pending and not self.is_lent:
            self.threads.ring()
        return bool(self.threads.pending)

    def fail_callbacks(self, error: BaseException) -> None:
        """End all transfers with callbacks by ``error``, and run the callbacks in this thread,
        because the system has no other left."""
        for transfer in list(self.threads.pending):
            if transfer.outcome is None:
                transfer.give_up(gone(transfer, error))
                self.engine.inbox.append(transfer)
            self.engine.ended.append(transfer)
        self.deliver()

    @drives
    def deliver(self) -> None:
        """Run the callbacks of ended transfers. The caller has left the engine, or is ending it."""
        ended, thread = self.engine.ended, get_ident()
        if thread in self._delivering:
            return  # called from a callback: the loop below, further up the stack, goes on after it
        claim = Claim()
        try:
            claim.thread, self._delivering[thread] = thread, claim
            while ended:
                try:
                    transfer = ended.popleft()
                except IndexError:  # another thread was faster
                    break
                transfer.deliver()
                self.threads.pending.discard(transfer)
        finally:
            self._delivering.pop(thread, None)
            if self.ownership.is_closing:
                self.engine.watch.wake()

    # ---- when something goes wrong

    def refuse_from_within(self) -> None:
        """Raise ReentrantCallError if this thread is driving or running a callback."""
        thread = get_ident()
        inside = self._delivering.get(thread)
        if inside is not None:
            if not inside.is_lost():
                raise ReentrantCallError(REENTRANT)
            self._delivering.pop(thread, None)
        owner = self.ownership.owner
        if owner is not None and owner.thread == thread:
            if not owner.is_lost():
                raise ReentrantCallError(REENTRANT)
            self.crash(LostOwnerError("a driver was interrupted while it was putting things right"))

    def look_for_lost_owner(self) -> None:
        """Abandon the engine if its owner is dead. Waiters call this now and then."""
        ownership, now = self.ownership, time.monotonic()
        owner = ownership.owner
        if owner is None or ownership.is_gone:
            return
        suspect = self._suspect
        if suspect is None or suspect.owner is not owner or suspect.turns != ownership.turns:
            self._suspect = Suspect(owner, ownership.turns, now, 0)
        elif now - suspect.seen_at >= LOOK_AGAIN_S / 2:
            # One look is not enough: the stack of a running thread may change while it is read.
            looks = suspect.looks + 1 if owner.is_lost() else 0
            self._suspect = Suspect(owner, ownership.turns, now, looks)
            if looks >= LOOKS_AT_LOST:
                self.crash(LostOwnerError("the thread that drove has gone"), closes_sockets=False)

    def recover(
        self,
        error: BaseException,
        claim: Claim,
        waiter: Waiter | None = None,
        handle: Handle | None = None,
    ) -> None:
        """Clean up after an exception in a driving method, so that other callers do not notice
        it."""
        try:
            transfers = [] if waiter is None else list(waiter.transfers)
            if waiter is not None:
                self.waiting.pop(waiter, None)
            for transfer in transfers:
                transfer.is_cancelled = True
            if not self.ownership.is_of(claim):
                if left := [each for each in transfers if each.outcome is None]:
                    self.engine.inbox.extend(left)
                    self.ensure_driven()
                elif self.ownership.owner is None:
                    self.wake_next()
                else:  # the owner may not know yet that they were cancelled
                    self.engine.watch.wake()
            elif not is_interrupt(error):
                self.crash(error)
            else:
                self.engine.watch.raised.clear()
                self.engine.was_interrupted = True
                if (ending := self.engine.ending) is not None:
                    ending.is_cancelled = True  # which ends it to the end
                    transfers.append(ending)
                self.engine.inbox.extend(transfers)
                if waiter is None and handle is not None:
                    self.engine.single.retract(handle)
                self.leave(claim)
        except BaseException as second:  # another interrupt, or the engine is in a bad state
            if not isinstance(second, Exception) or self.ownership.is_of(claim):
                self.crash(second)
            else:  # the present owner finds what is left; the caller gets the first exception
                logger.warning("failed while it was putting things right", exc_info=second)

    def crash(self, error: BaseException, closes_sockets: bool = True) -> None:
        """Abandon the engine, and end every transfer with an error that names the reason."""
        engine = self.engine
        self.ownership.lose(error)
        logger.error("the engine has failed, and the next call starts another", exc_info=error)
        if self._on_gone is not None:
            self._on_gone(self)
        if closes_sockets:
            engine.abandon()
        else:
            engine.make_immortal()
        self.end_everybody()

    def end_everybody(self) -> None:
        """End every transfer, because the engine is gone."""
        engine = self.engine
        transfers: list[Transfer] = [*engine.running.values(), *engine.inbox]
        transfers += [each for waiter in list(self.waiting) for each in waiter.transfers]
        transfers += self.threads.pending
        for loop_driver in list(self.loop_drivers.values()):
            transfers += loop_driver.transfers
        for transfer in transfers:
            self._end_with_engine(transfer)
        engine.running.clear()
        self.end_leftovers()
        for loop_driver in list(self.loop_drivers.values()):
            loop_driver.close()
        self.loop_drivers.clear()
        self.threads.end()

    def end_leftovers(self) -> None:
        """End transfers that were added after the engine was gone."""
        engine = self.engine
        while engine.inbox:
            try:
                transfer = engine.inbox.popleft()
            except IndexError:  # another thread was faster
                break
            self._end_with_engine(transfer)
        if engine.ended:
            self.deliver()

    def _end_with_engine(self, transfer: Transfer) -> None:
        transfer.outcome = transfer.outcome or gone(transfer, self.ownership.failure)
        if transfer.runs_callback:
            self.engine.ended.append(transfer)
        else:
            transfer.deliver()
