"""Three ways to follow the course of a call: in a thread, in a task, by callbacks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from onehttp.policies.clock import Clock, Pause
from onehttp.policies.course import Course, LineCall, policed
from onehttp.policies.deadline import Deadline
from onehttp.policies.redirects import following
from onehttp_backends.contract import Backend, Outcome, Request, Response, Transfer
from onehttp_backends.errors import CurlCode, OnehttpError, Sent, TransferError, transfer_error

if TYPE_CHECKING:
    from onehttp.connections.line import Line, Lines

ERROR_STATUS: Final = 400
"""No policy takes a status below for a failure."""


def perform_policed(
    backend: Backend,
    clock: Clock,
    lines: Lines,
    line: Line,
    request: Request,
    make_call: Callable[[], LineCall],
    begins_at_once: bool,
) -> Response:
    """Perform a call by the policies of ``line``, in the calling thread.

    The first attempt is made without a course, which is only entered when a policy has to act.
    ``make_call`` is asked only then; ``begins_at_once`` says that ``request`` is the first
    exchange as it stands.

    Raises:
        TransferError: there was no response.
    """
    first: Outcome | None = None
    began = clock.now()
    policies = line.policies
    if policies is not None and begins_at_once:
        era = policies.begin(clock)
        if era:
            try:
                first = backend.perform(request)
            except TransferError as error:
                first = error
            finally:
                policies.end(era, first, clock)
            if type(first) is Response and first.status < ERROR_STATUS:
                return first
    course = policed(lines, line, request, make_call(), Deadline(request, clock, began), first)
    return perform_course(course, backend, clock)


async def aperform_policed(
    backend: Backend,
    clock: Clock,
    lines: Lines,
    line: Line,
    request: Request,
    make_call: Callable[[], LineCall],
    begins_at_once: bool,
) -> Response:
    """The same in the running task.

    Raises:
        TransferError: there was no response.
    """
    first: Outcome | None = None
    began = clock.now()
    policies = line.policies
    if policies is not None and begins_at_once:
        era = policies.begin(clock)
        if era:
            try:
                first = await backend.aperform(request)
            except TransferError as error:
                first = error
            finally:
                policies.end(era, first, clock)
            if type(first) is Response and first.status < ERROR_STATUS:
                return first
    course = policed(lines, line, request, make_call(), Deadline(request, clock, began), first)
    return await aperform_course(course, backend, clock)


def perform_following(backend: Backend, request: Request, max_redirects: int) -> Response:
    """Perform ``request`` and the redirects it meets, in the calling thread."""
    return perform_course(following(request, max_redirects), backend)


async def aperform_following(backend: Backend, request: Request, max_redirects: int) -> Response:
    """The same in the running task."""
    return await aperform_course(following(request, max_redirects), backend)


def perform_course(course: Course, backend: Backend, clock: Clock | None = None) -> Response:
    """Follow ``course`` in the calling thread; without a clock where it never pauses.

    Raises:
        TransferError: what the course ends with, if not a response.
    """
    outcome: Outcome | None = None
    try:
        while True:
            step = course.send(outcome)
            if isinstance(step, Pause):
                assert clock is not None
                clock.pause(step)
                outcome = None
            else:
                try:
                    outcome = backend.perform(step)
                except TransferError as error:
                    outcome = error
    except StopIteration as end:
        outcome = end.value
    finally:
        course.close()
    return _returned(outcome)


async def aperform_course(course: Course, backend: Backend, clock: Clock | None = None) -> Response:
    """Follow it in the running task.

    Raises:
        TransferError: what the course ends with, if not a response.
    """
    outcome: Outcome | None = None
    try:
        while True:
            step = course.send(outcome)
            if isinstance(step, Pause):
                assert clock is not None
                await clock.apause(step)
                outcome = None
            else:
                try:
                    outcome = await backend.aperform(step)
                except TransferError as error:
                    outcome = error
    except StopIteration as end:
        outcome = end.value
    finally:
        course.close()
    return _returned(outcome)


class CourseTransfer:
    """A course followed by callbacks, on whatever thread each of them comes.

    ``on_done`` is called exactly once with what the course ends with, unless `start` raises.
    """

    __slots__ = ("_awaited", "_backend", "_changing", "_clock", "_course", "_is_cancelled",
                 "_is_over", "_on_done", "_transfer")  # fmt: skip

    def __init__(
        self, course: Course, backend: Backend, clock: Clock, on_done: Callable[[Outcome], None]
    ) -> None:
        self._course = course
        self._backend = backend
        self._clock = clock
        self._on_done = on_done
        self._changing = threading.Lock()  # guards the rest; never held while others are called
        self._awaited: object = None
        """What stands for the step that is waited for. Whoever takes it out goes on with the
        course, alone; what comes with an earlier one is late."""
        self._transfer: Transfer | None = None
        self._is_cancelled = False
        self._is_over = False

    def start(self) -> CourseTransfer:
        """Take the first step.

        Raises:
            RequestError: it is not fit to be sent; ``on_done`` is not called then.
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
        """End it with a `CancelledError`; False when it had ended already."""
        with self._changing:
            if self._is_over:
                return False
            self._is_cancelled = True
            transfer = self._transfer
            is_mine = transfer is None and self._awaited is not None
            if is_mine:
                self._awaited = None
        if transfer is not None:
            return transfer.cancel()
        if is_mine:
            self._finish(_cancelled())
        return True

    def _take(self, step: Request | Pause) -> None:
        awaited = object()
        with self._changing:
            is_cancelled = self._is_cancelled
            if not is_cancelled:
                self._awaited = awaited
        if is_cancelled:
            self._finish(_cancelled())
        elif isinstance(step, Pause):
            self._clock.later(step, lambda: self._go_on(awaited, None))
        else:
            transfer = self._backend.submit(step, lambda outcome: self._go_on(awaited, outcome))
            with self._changing:
                if self._awaited is awaited:
                    self._transfer = transfer
                is_cancelled = self._is_cancelled
            if is_cancelled:
                transfer.cancel()

    def _go_on(self, awaited: object, outcome: Outcome | None) -> None:
        with self._changing:
            if self._awaited is not awaited:
                return
            self._awaited = self._transfer = None
        try:
            self._take(self._course.send(outcome))
        except StopIteration as end:
            self._finish(end.value)
        except TransferError as error:
            self._finish(error)
        except OnehttpError as error:  # the engine was closed meanwhile
            self._finish(_cancelled(str(error)))

    def _finish(self, outcome: Outcome) -> None:
        with self._changing:
            if self._is_over:
                return
            self._is_over = True
        self._course.close()
        self._on_done(outcome)


def _cancelled(reason: str = "cancelled") -> TransferError:
    return transfer_error(CurlCode.ABORTED_BY_CALLBACK, reason, sent=Sent.MAYBE)


def _returned(outcome: Outcome | None) -> Response:
    if isinstance(outcome, Response):
        return outcome
    assert outcome is not None
    try:
        raise outcome
    finally:
        del outcome  # its traceback refers to this frame: without this, a cycle
