"""Runs the course of a call in a thread or in a task; `callback_driver` runs it by callbacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from onehttp.calls.closed_loops import holders_here
from onehttp.calls.course import ChainCall, Course, policed
from onehttp.calls.user_functions import Ask
from onehttp.policies.clock import Clock, Pause
from onehttp.policies.deadline import Deadline
from onehttp.policies.limits import Turn
from onehttp.policies.redirects import following
from onehttp_backends.contract import Backend, Outcome, Request, Response
from onehttp_backends.errors import TransferError
from onehttp_backends.observed import Call, acalled, called, current, is_on
from onehttp_backends.response import FIRST_ERROR

if TYPE_CHECKING:
    from onehttp.calls.revision import ReadyConnection, Revision
    from onehttp.policies.held_permits import Keeper

REAL_CLOCK: Final = Clock()


class PolicedCall:
    """A call on one connection, and what its first attempt needs.

    Args:
        make_call: makes the `ChainCall`; called only if a policy has to act.
        begins_at_once: whether ``request`` is the first exchange as it is.
        keeper: holds the permits of an attempt until the body of its response has ended; for
            streams.
    """

    __slots__ = (
        *("_began", "_begins_at_once", "_keeper", "_make_call", "_ready", "_revision"),
        *("backend", "clock", "request"),
    )

    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        revision: Revision,
        ready: ReadyConnection,
        request: Request,
        make_call: Callable[[], ChainCall],
        begins_at_once: bool,
        keeper: Keeper | None = None,
    ) -> None:
        self.backend = backend
        self.clock = clock
        self.request = request
        self._revision = revision
        self._ready = ready
        self._make_call = make_call
        self._begins_at_once = begins_at_once
        self._keeper = keeper
        self._began = 0.0

    def begin(self, turn: Turn) -> bool:
        """Let a first attempt begin without a course; False if a policy must act before it."""
        self._began = self.clock.now()
        policies = self._ready.policies
        return policies is not None and self._begins_at_once and policies.begin(turn, self._began)

    def end(self, turn: Turn, first: Outcome) -> None:
        """Note the outcome of that attempt."""
        policies = self._ready.policies
        assert policies is not None
        policies.end(turn, first, self.clock, self._keeper)
        if policies.budget is not None and type(first) is Response and first.status < FIRST_ERROR:
            policies.budget.note_call()  # of others the course does

    def drop(self, turn: Turn) -> None:
        """Take back what that attempt holds, since it was given up."""
        if self._ready.policies is not None:
            self._ready.policies.drop(turn)

    def course(self, first: Outcome | None) -> Course:
        """The course for the rest of the call, after the first attempt if that was made."""
        deadline = Deadline(self.request, self.clock, self._began)
        call, keeper = self._make_call(), self._keeper
        return policed(self._revision, self._ready, self.request, call, deadline, first, keeper)


def perform_policed(call: PolicedCall) -> Response:
    """Perform ``call`` under the policies of its connection, in the calling thread.

    The first attempt is made without a course; that is entered only if a policy has to act.

    Raises:
        TransferError: there was no response.
    """
    if is_on() and current() is None:
        return called(Call(call.request), lambda: perform_policed(call))
    first: Outcome | None = None
    turn = Turn()
    try:
        if call.begin(turn):
            first = _performed(call.backend, call.request)
            call.end(turn, first)
    except BaseException:
        try:
            call.drop(turn)
        finally:  # once more: a signal handler may have raised in there
            call.drop(turn)
        raise
    if type(first) is Response and first.status < FIRST_ERROR:
        return first
    return perform_course(call.course(first), call.backend, call.clock)


async def aperform_policed(call: PolicedCall) -> Response:
    """As `perform_policed`, in the running task.

    Raises:
        TransferError: there was no response.
    """
    if is_on() and current() is None:
        return await acalled(Call(call.request), lambda: aperform_policed(call))
    first: Outcome | None = None
    turn = Turn()
    holders = holders_here()
    try:
        holders[call] = partial(call.drop, turn)
        if call.begin(turn):
            first = await _aperformed(call.backend, call.request)
            call.end(turn, first)
    except BaseException:
        try:
            call.drop(turn)
        finally:  # once more: a signal handler may have raised in there
            call.drop(turn)
        raise
    finally:
        holders.pop(call, None)
    if type(first) is Response and first.status < FIRST_ERROR:
        return first
    return await aperform_course(call.course(first), call.backend, call.clock)


def perform_following(backend: Backend, request: Request, max_redirects: int) -> Response:
    """Perform ``request`` and follow its redirects, in the calling thread."""
    if is_on() and current() is None:
        return called(Call(request), lambda: perform_following(backend, request, max_redirects))
    return perform_course(following(request, max_redirects), backend)


async def aperform_following(backend: Backend, request: Request, max_redirects: int) -> Response:
    """Perform ``request`` and follow its redirects, in the running task."""
    if is_on() and current() is None:
        return await acalled(
            Call(request), lambda: aperform_following(backend, request, max_redirects)
        )
    return await aperform_course(following(request, max_redirects), backend)


def perform_course(course: Course, backend: Backend, clock: Clock = REAL_CLOCK) -> Response:
    """Run ``course`` in the calling thread.

    Raises:
        TransferError: the outcome of the course is an error.
    """
    outcome: Outcome | None = None
    try:
        while True:
            step = course.send(outcome)
            if isinstance(step, Pause):
                clock.pause(step)
                outcome = None
            elif isinstance(step, Ask):
                step.run()
                outcome = None
            else:
                outcome = _performed(backend, step)
    except StopIteration as end:
        outcome = end.value
    finally:
        course.close()
    return _returned(outcome)


async def aperform_course(course: Course, backend: Backend, clock: Clock = REAL_CLOCK) -> Response:
    """Run ``course`` in the running task.

    Raises:
        TransferError: the outcome of the course is an error.
    """
    outcome: Outcome | None = None
    holders = holders_here()
    try:
        holders[course] = course.close
        while True:
            step = course.send(outcome)
            if isinstance(step, Pause):
                await clock.apause(step)
                outcome = None
            elif isinstance(step, Ask):
                await step.arun()
                outcome = None
            else:
                outcome = await _aperformed(backend, step)
    except StopIteration as end:
        outcome = end.value
    finally:
        is_ours = True  # also where a signal handler raises in there
        try:
            is_ours = holders.pop(course, None) is not None
        finally:
            if is_ours:
                course.close()
    return _returned(outcome)


def _performed(backend: Backend, request: Request) -> Outcome:
    try:
        return backend.perform(request)
    except TransferError as error:
        return error.with_traceback(None)  # whose frames hold URLs
    except StopIteration as error:  # of a callback: to who takes the steps of a course, its end
        raise RuntimeError("a callback raised StopIteration") from error


async def _aperformed(backend: Backend, request: Request) -> Outcome:
    try:
        return await backend.aperform(request)
    except TransferError as error:
        return error.with_traceback(None)  # whose frames hold URLs


def _returned(outcome: Outcome | None) -> Response:
    if isinstance(outcome, Response):
        return outcome
    assert outcome is not None
    try:
        raise outcome
    finally:
        del outcome  # its traceback refers to this frame: without this, a cycle
