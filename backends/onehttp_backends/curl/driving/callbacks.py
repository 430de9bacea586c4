"""Transfers with callbacks, and the engine's threads, which drive for them."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from _queue import Empty, SimpleQueue  # gevent replaces those of `queue`, threads or not
from collections.abc import Callable, Generator
from typing import Final, Protocol

from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl.driving.child import leave_as_main_thread
from onehttp_backends.curl.driving.interrupts import is_interrupt, is_of_signal_handler
from onehttp_backends.curl.driving.waiting import gone, overdue, overdue_at
from onehttp_backends.curl.engine.account import Account
from onehttp_backends.curl.engine.engine import Engine
from onehttp_backends.curl.engine.ownership import LOOK_AGAIN_S, Claim, Ownership, drives
from onehttp_backends.curl.engine.transfer import Driving, Transfer
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl_build import check_kernel_waits

logger = logging.getLogger("onehttp")

MAX_THREADS: Final = 8
"""How many callbacks may stand still at the same time before the others wait for one to return."""


class Serving(Driving, Protocol):
    """The part of the crew that these threads use; see `Crew`."""

    engine: Engine
    ownership: Ownership
    is_lent: bool

    def leave(self, claim: Claim) -> None: ...
    def step_aside(self, claim: Claim) -> None: ...
    def wake_next(self) -> None: ...
    def deliver(self) -> None: ...
    def look_for_lost_owner(self) -> None: ...
    def recover(self, error: BaseException, claim: Claim) -> None: ...
    def fail_callbacks(self, error: BaseException) -> None: ...


class CallbackTransfer(Transfer):
    """A transfer whose outcome is given to a callback."""

    __slots__ = ("_account", "_on_done")

    runs_callback = True

    def __init__(
        self,
        helm: Driving,
        handle: Handle,
        request: Request,
        on_done: Callable[[Outcome], None],
        account: Account,
    ) -> None:
        Transfer.__init__(self, helm, handle, request)  # `super()` takes as long as this
        self._on_done = [on_done]
        self._account = account

    @property
    def is_called(self) -> bool:
        """Whether the callback was called; it may not have returned yet."""
        return not self._on_done

    def deliver(self) -> None:
        """Call the function, once.

        Raises:
            BaseException: what a signal handler raised meanwhile, which is the driver's caller's;
                and in a child that the function has forked, what it raised there.
        """
        outcome, on_done = self.outcome, self._on_done
        if outcome is None or not on_done:
            return
        try:
            # Taken and called on one line: nothing comes between that a handler could be run at,
            # but the two instructions themselves, and those are looked at below.
            on_done.pop()(outcome)
        except BaseException as error:
            if on_done:
                raise  # not called yet
            trace = error.__traceback__
            if isinstance(error, IndexError) and trace is not None and trace.tb_next is None:
                return  # another thread was faster
            if is_of_signal_handler(error) or os.getpid() != self._account.pid:
                raise
            self._account.callback_errors += 1
            logger.exception("a transfer's callback failed")


class EngineThreads:
    """Threads that drive for transfers with callbacks if nobody else does, and run the callbacks.

    One drives. Another stands by, because the driver may be held up. It looks every `LOOK_AGAIN_S`
    whether nobody drives, and takes over then; it also ends transfers that are overdue.
    """

    def __init__(self, helm: Serving) -> None:
        self.pending: set[CallbackTransfer] = set()
        """Transfers whose callback has not returned."""
        self._helm = helm
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._threads: set[object] = set()
        self._idle: set[object] = set()
        self._look_at = 0.0
        """When all that is pending is looked at again, by the monotonic clock."""

    def ring(self) -> None:
        """Make one of them look. Any thread may call this."""
        self._bell.put(None)
        self.stand_by()

    def have_delivered(self) -> None:
        """Run the callbacks of ended transfers, in this thread or in one of these.

        Signal handlers run in the main thread. One that raised in the middle of a callback would
        take the answer from whoever waits for it, so that thread runs none that others can run.
        """
        if self._helm.is_lent or threading.current_thread() is not threading.main_thread():
            self._helm.deliver()
        else:
            self.ring()

    def look_after(self, is_first: bool) -> None:
        """Make sure that one of them looks at the pending transfers, whoever drives."""
        if is_first and self._helm.ownership.owner is not None:
            self.ring()  # it waits without a bound while there is nothing
        else:
            self.stand_by()

    def stand_by(self) -> None:
        """See to it that one of them is free to come."""
        if self._idle or len(self._threads) >= MAX_THREADS or self._helm.ownership.is_gone:
            return
        token = object()
        # A generator goes on inside its `try`: it has no line before that at which an exception
        # would end the thread unseen.
        life = self._life(token)
        next(life)
        thread = threading.Thread(
            target=next, args=(life, None), name="onehttp-engine", daemon=True
        )
        try:
            self._threads.add(token)
            self._idle.add(token)
            check_kernel_waits()
            thread.start()
        except BaseException as error:
            self._end_of(token)  # it enters itself, should it run after all
            with contextlib.suppress(ValueError):  # it does
                life.close()
            if is_interrupt(error):
                raise
            if not self._threads:  # no more threads can be had, or the interpreter ends
                self._helm.fail_callbacks(error)

    def end(self) -> None:
        """Let all of them see that the engine is gone."""
        for _ in list(self._threads):
            self._bell.put(None)

    def _life(self, token: object) -> Generator[None, None, None]:
        """The work of such a thread."""
        pid = os.getpid()
        try:
            yield
            self._threads.add(token)
            while not self._helm.ownership.is_gone:
                self._idle.add(token)
                with contextlib.suppress(Empty):
                    self._bell.get(timeout=self._wait_s())
                self._idle.discard(token)
                self._serve()
        except GeneratorExit:
            pass  # it was not started
        except BaseException as error:
            if os.getpid() != pid:  # a function has forked, and leaves the child
                leave_as_main_thread(error)
            self._end_of(token)
            if self.pending:
                self.ring()  # another takes its place
            raise
        finally:
            self._end_of(token)

    def _wait_s(self) -> float | None:
        return max(0.0, self._look_at - time.monotonic()) if self.pending else None

    def _end_of(self, token: object) -> None:
        self._idle.discard(token)
        self._threads.discard(token)

    @drives
    def _serve(self) -> None:
        """Drive, if nobody else does, while a function waits; run those whose time has come."""
        helm, pending = self._helm, self.pending
        engine, ownership = helm.engine, helm.ownership
        claim = Claim()
        try:
            self._look_after_all()
            while pending and ownership.take(claim):
                self.stand_by()
                while pending and not (ownership.is_closing or ownership.is_gone or engine.ended):
                    if engine.is_idle():
                        break
                    engine.turn()
                if not engine.ended:
                    helm.leave(claim)
                    return
                helm.step_aside(claim)
            if ownership.owner is None and not engine.is_idle():
                helm.wake_next()
        except BaseException as error:
            helm.recover(error, claim)
            if is_interrupt(error):
                raise

    def _look_after_all(self) -> None:
        """Call the functions that nobody else will: lost to an exception, or held up by others."""
        helm, now = self._helm, time.monotonic()
        # Not each time one of them is rung: of 10,000 that would be all that is done.
        is_due = now >= self._look_at or helm.ownership.is_gone
        for transfer in list(self.pending) if is_due else ():
            if transfer.outcome is None:
                if helm.ownership.is_gone:
                    transfer.outcome = gone(transfer, helm.ownership.failure)
                elif now >= overdue_at(transfer) and helm.ownership.owner is not None:
                    transfer.give_up(overdue(transfer))
                    helm.engine.inbox.append(transfer)
            if transfer.outcome is not None and not transfer.is_called:
                helm.engine.ended.append(transfer)
        if helm.engine.ended:
            self.stand_by()
            helm.deliver()
        if is_due:
            self._look_at = now + LOOK_AGAIN_S
            helm.look_for_lost_owner()
