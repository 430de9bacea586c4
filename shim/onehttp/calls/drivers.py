"""Two ways to follow the course of a call: in a thread and in a task (`submitted` has a third)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from onehttp.calls.course import Course, LineCall, policed
from onehttp.policies.clock import Clock, Pause
from onehttp.policies.deadline import Deadline
from onehttp.policies.redirects import following
from onehttp_backends.contract import Backend, Outcome, Request, Response
from onehttp_backends.errors import TransferError
from onehttp_backends.trace import TracedCall, current, is_on, within

if TYPE_CHECKING:
    from onehttp.calls.revision import ReadyConnection, Revision

ERROR_STATUS: Final = 400
"""No policy takes a status below for a failure."""


def perform_policed(
    backend: Backend,
    clock: Clock,
    revision: Revision,
    ready: ReadyConnection,
    request: Request,
    make_call: Callable[[], LineCall],
    begins_at_once: bool,
) -> Response:
    """Perform a call by the policies of ``ready``, in the calling thread.

    The first attempt is made without a course, which is only entered when a policy has to act.
    ``make_call`` is asked only then; ``begins_at_once`` says that ``request`` is the first
    exchange as it stands.

    Raises:
        TransferError: there was no response.
    """
    if is_on() and current() is None:
        with within(TracedCall(ready.spec.name)):
            return perform_policed(
                backend, clock, revision, ready, request, make_call, begins_at_once
            )
    first: Outcome | None = None
    began = clock.now()
    policies = ready.policies
    if policies is not None and begins_at_once:
        era = policies.begin(began)
        if era:
            try:
                first = backend.perform(request)
            except TransferError as error:
                first = error
            finally:
                policies.end(era, first, clock)
            if type(first) is Response and first.status < ERROR_STATUS:
                return first
    course = policed(revision, ready, request, make_call(), Deadline(request, clock, began), first)
    return perform_course(course, backend, clock)


async def aperform_policed(
    backend: Backend,
    clock: Clock,
    revision: Revision,
    ready: ReadyConnection,
    request: Request,
    make_call: Callable[[], LineCall],
    begins_at_once: bool,
) -> Response:
    """The same in the running task.

    Raises:
        TransferError: there was no response.
    """
    if is_on() and current() is None:
        with within(TracedCall(ready.spec.name)):
            return await aperform_policed(
                backend, clock, revision, ready, request, make_call, begins_at_once
            )
    first: Outcome | None = None
    began = clock.now()
    policies = ready.policies
    if policies is not None and begins_at_once:
        era = policies.begin(began)
        if era:
            try:
                first = await backend.aperform(request)
            except TransferError as error:
                first = error
            finally:
                policies.end(era, first, clock)
            if type(first) is Response and first.status < ERROR_STATUS:
                return first
    course = policed(revision, ready, request, make_call(), Deadline(request, clock, began), first)
    return await aperform_course(course, backend, clock)


def perform_following(backend: Backend, request: Request, max_redirects: int) -> Response:
    """Perform ``request`` and the redirects it meets, in the calling thread."""
    with within(TracedCall("") if is_on() else None):
        return perform_course(following(request, max_redirects), backend)


async def aperform_following(backend: Backend, request: Request, max_redirects: int) -> Response:
    """The same in the running task."""
    with within(TracedCall("") if is_on() else None):
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


def _returned(outcome: Outcome | None) -> Response:
    if isinstance(outcome, Response):
        return outcome
    assert outcome is not None
    try:
        raise outcome
    finally:
        del outcome  # its traceback refers to this frame: without this, a cycle
