"""Runs the course of a call by callbacks; `drivers` runs it in threads and tasks."""

from __future__ import annotations

import logging
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


class _Awaited:
    """The step that is waited for, and what ends the wait."""

    __slots__ = ("_taken_by", "timer", "transfer")

    def __init__(self) -> None:
        self._taken_by: dict[str, object] = {}
        self.timer: Timer | None = None
        self.transfer: Transfer | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the wait has ended."""
        return bool(self._taken_by)

    def take(self, by: object) -> bool:
        """Stop waiting; False if that was done by another. Whoever did may ask again."""
        if self._taken_by.setdefault("by", by) is not by:
            return False
        if self.timer is not None:
            self.timer.cancel()
        return True


class CourseTransfer:
    """A course that is run by callbacks, on whichever thread each of them is called.

    ``on_done`` is called exactly once, with the outcome of the course, unless `start` raises; once
    more, with the same outcome, where a signal handler has raised in it as a call of `cancel` ended
    the course.
    """

    __slots__ = ("_awaited", "_backend", "_clock", "_course", "_ended_by", "_is_cancelled",
                 "_on_done", "_traced")  # fmt: skip

    # Without a lock, which a signal handler, or a forked child, could wait for for ever: each
    # attribute is changed in one step, and whoever changes one that another thread looks at does so
    # before looking at that thread's.

    def __init__(
        self, course: Course, backend: Backend, clock: Clock, on_done: Callable[[Outcome], None]
    ) -> None:
        self._course = course
        self._backend = backend
        self._clock = clock
        self._on_done = on_done
        self._awaited: _Awaited | None = None
        """The step that was waited for last. Who takes it continues the course, so only one does;
        the callback of an earlier step finds that it was taken, and stops."""
        self._is_cancelled = False
        self._ended_by: dict[str, object] = {}
        self._traced = current()

    def start(self) -> CourseTransfer:
        """Take the first step.

        Raises:
            RequestError: the request cannot be sent; ``on_done`` is not called then.
        """
        by = object()
        try:
            self._take(self._course.send(None), by)
        except StopIteration as end:  # refused by a policy
            self._finish(end.value, by)
        except BaseException:
            self._is_cancelled = True
            awaited = self._awaited
            if awaited is None or awaited.take(by):  # else its callback ends it
                self._ended_by.setdefault("by", by)
                self._course.close()
                if awaited is not None and awaited.transfer is not None:
                    awaited.transfer.cancel()
            raise
        return self

    def cancel(self) -> bool:
        """End it with a `CancelledError`; False if it had ended already."""
        by, outcome = object(), _cancelled()
        try:
            return self._cancel(by, outcome)
        except BaseException:  # of a signal handler: what it has cut off is done again
            self._cancel(by, outcome)
            raise

    def _cancel(self, by: object, outcome: TransferError) -> bool:
        if self._ended_by.get("by", by) is not by:
            return False
        self._is_cancelled = True
        awaited = self._awaited
        if awaited is not None:
            if awaited.transfer is not None:
                return awaited.transfer.cancel()
            if awaited.take(by):
                self._finish(outcome, by)
        return True

    def _take(self, step: Step, by: object) -> None:
        awaited = self._awaited = _Awaited()
        if self._is_cancelled:
            if awaited.take(by):
                self._finish(_cancelled(), by)
        elif isinstance(step, Pause):
            awaited.timer = self._clock.later(step, lambda: self._go_on(awaited, None))
            if awaited.is_taken and awaited.timer is not None:
                awaited.timer.cancel()
        elif isinstance(step, Ask):
            # Not here, because the thread that drives the engine must not wait for code of the
            # user.
            run_asking(partial(copy_context().run, self._go_on, awaited, None, step))
        else:
            awaited.transfer = self._backend.submit(
                step, lambda outcome: self._go_on(awaited, outcome)
            )
            if self._is_cancelled:
                awaited.transfer.cancel()

    def _go_on(
        self, awaited: _Awaited, outcome: Outcome | None, ask: Ask[Any] | None = None
    ) -> None:
        by = object()
        if not awaited.take(by):
            return
        try:
            with resumed(self._traced):
                if ask is not None:
                    ask.run()
                while (outcome := self._refused(self._course.send(outcome), by)) is not None:
                    pass
        except StopIteration as end:
            self._finish(end.value, by)
        except TransferError as error:
            self._finish(error, by)
        except OnehttpError as error:  # the engine was closed meanwhile
            self._finish(_cancelled(str(error)), by)
        except Exception as error:
            if ask is None:
                logger.exception("a call could not go on")  # no more threads, no memory
            self._finish(_broken_off(error), by)
        except BaseException as error:  # Ctrl-C, in the thread that drives
            self._finish(_broken_off(error), by)
            raise

    def _refused(self, step: Step, by: object) -> TransferError | None:
        """Take a step, and return the error if the engine refuses to begin it."""
        try:
            self._take(step, by)
        except TransferError as error:
            if self._awaited is not None:
                self._awaited.take(by)
            return error
        return None

    def _finish(self, outcome: Outcome, by: object) -> None:
        if self._ended_by.setdefault("by", by) is by:
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
