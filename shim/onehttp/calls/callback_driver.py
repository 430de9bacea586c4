"""Runs the course of a call by callbacks; `drivers` runs it in threads and tasks."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any

from onehttp.calls.course import Course, Step
from onehttp.calls.user_function_threads import run_asking
from onehttp.calls.user_functions import Ask
from onehttp.policies.clock import Clock, Pause
from onehttp.policies.redirects import following
from onehttp.queries.result import Start
from onehttp.timers import Timer
from onehttp_backends.contract import Backend, Outcome, Request, Transfer
from onehttp_backends.errors import CurlCode, OnehttpError, Sent, TransferError, transfer_error
from onehttp_backends.observed import current, resumed

logger = logging.getLogger("onehttp")


class _Guard:
    """Guards the attributes of all transfers below, and is never held while others are called.

    One for all, since a forked child renews it: another thread of the parent may have held it.
    Reentrant, for signal handlers.
    """

    __slots__ = ("changing",)

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.changing = threading.RLock()


_guard = _Guard()
os.register_at_fork(after_in_child=_guard.renew)


class CourseTransfer:
    """A course that is run by callbacks, on whichever thread each of them is called.

    ``on_done`` is called exactly once, with the outcome of the course, unless `start` raises.
    """

    __slots__ = ("_awaited", "_backend", "_clock", "_course", "_is_cancelled",
                 "_is_over", "_on_done", "_timer", "_traced", "_transfer")  # fmt: skip

    def __init__(
        self, course: Course, backend: Backend, clock: Clock, on_done: Callable[[Outcome], None]
    ) -> None:
        self._course = course
        self._backend = backend
        self._clock = clock
        self._on_done = on_done
        self._awaited: object = None
        """Identifies the step that is waited for. The callback that takes it out continues the
        course, so only one does; the callback of an earlier step finds another object, and stops.
        """
        self._transfer: Transfer | None = None
        self._timer: Timer | None = None
        self._is_cancelled = False
        self._is_over = False
        self._traced = current()

    def start(self) -> CourseTransfer:
        """Take the first step.

        Raises:
            RequestError: the request cannot be sent; ``on_done`` is not called then.
        """
        try:
            self._take(self._course.send(None))
        except StopIteration as end:  # refused by a policy
            self._finish(end.value)
        except BaseException:
            self._course.close()
            raise
        return self

    def cancel(self) -> bool:
        """End it with a `CancelledError`; False if it had ended already."""
        with _guard.changing:
            if self._is_over:
                return False
            self._is_cancelled = True
            transfer = self._transfer
            is_mine = transfer is None and self._awaited is not None
            if is_mine:
                self._stop_waiting()
        if transfer is not None:
            return transfer.cancel()
        if is_mine:
            self._finish(_cancelled())
        return True

    def _take(self, step: Step) -> None:
        awaited = object()
        with _guard.changing:
            is_cancelled = self._is_cancelled
            if not is_cancelled:
                self._awaited = awaited
        if is_cancelled:
            self._finish(_cancelled())
        elif isinstance(step, Pause):
            timer = self._clock.later(step, lambda: self._go_on(awaited, None))
            with _guard.changing:
                if self._awaited is awaited:
                    self._timer = timer
                elif timer is not None:
                    timer.cancel()
        elif isinstance(step, Ask):
            # Not here, because the thread that drives the engine must not wait for code of the
            # user.
            run_asking(partial(copy_context().run, self._go_on, awaited, None, step))
        else:
            transfer = self._backend.submit(step, lambda outcome: self._go_on(awaited, outcome))
            with _guard.changing:
                if self._awaited is awaited:
                    self._transfer = transfer
                is_cancelled = self._is_cancelled
            if is_cancelled:
                transfer.cancel()

    def _go_on(self, awaited: object, outcome: Outcome | None, ask: Ask[Any] | None = None) -> None:
        with _guard.changing:
            if self._awaited is not awaited:
                return
            self._stop_waiting()
        try:
            with resumed(self._traced):
                if ask is not None:
                    ask.run()
                while (outcome := self._refused(self._course.send(outcome))) is not None:
                    pass
        except StopIteration as end:
            self._finish(end.value)
        except TransferError as error:
            self._finish(error)
        except OnehttpError as error:  # the engine was closed meanwhile
            self._finish(_cancelled(str(error)))
        except Exception as error:
            if ask is None:
                logger.exception("a call could not go on")  # no more threads, no memory
            self._finish(_broken_off(error))
        except BaseException as error:  # Ctrl-C, in the thread that drives
            self._finish(_broken_off(error))
            raise

    def _refused(self, step: Step) -> TransferError | None:
        """Take a step, and return the error if the engine refuses to begin it."""
        try:
            self._take(step)
        except TransferError as error:
            with _guard.changing:
                self._stop_waiting()
            return error
        return None

    def _stop_waiting(self) -> None:
        """End the wait for the present step. The caller holds the lock."""
        timer = self._timer
        self._awaited = self._transfer = self._timer = None
        if timer is not None:
            timer.cancel()

    def _finish(self, outcome: Outcome) -> None:
        with _guard.changing:
            if self._is_over:
                return
            self._is_over = True
        self._course.close()
        self._on_done(outcome)


def starts_following(backend: Backend, clock: Clock, max_redirects: int) -> Start:
    """A function that sends a request and follows its redirects, by callbacks."""

    def start(request: Request, on_done: Callable[[Outcome], None]) -> Transfer:
        return CourseTransfer(following(request, max_redirects), backend, clock, on_done).start()

    return start


def _broken_off(error: BaseException) -> TransferError:
    what = f"the call could not go on: {type(error).__name__}: {error}"
    broken_off = transfer_error(CurlCode.FAILED_INIT, what, sent=Sent.MAYBE)
    broken_off.__cause__ = error
    return broken_off


def _cancelled(reason: str = "cancelled") -> TransferError:
    return transfer_error(CurlCode.ABORTED_BY_CALLBACK, reason, sent=Sent.MAYBE)
