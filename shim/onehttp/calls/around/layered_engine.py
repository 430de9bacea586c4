"""An engine with a course around each of its exchanges, for all three ways of waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from onehttp.calls.around.delegating_backend import Delegating
from onehttp.calls.callback_driver import CourseTransfer
from onehttp.calls.course import Course
from onehttp.calls.drivers import aperform_course, perform_course
from onehttp.policies.clock import Clock
from onehttp.policies.deadline import Deadline
from onehttp_backends.contract import (
    Backend,
    Outcome,
    Request,
    Response,
    Transfer,
)
from onehttp_backends.observed import Call, acalled, called, current, is_on, started

Around: TypeAlias = "Callable[[Request, Deadline], Course]"
"""A course for one request: it yields requests for the engine, perhaps several, and returns the
outcome."""


class Surrounded(Delegating):
    """A backend whose every exchange goes through the course ``around``."""

    __slots__ = ("_around", "_clock")

    def __init__(self, backend: Backend, around: Around, clock: Clock) -> None:
        super().__init__(backend)
        self._around = around
        self._clock = clock

    @property
    def engine(self) -> Backend:
        """The engine inside."""
        inner = self._backend
        return inner.engine if isinstance(inner, Surrounded) else inner

    def over(self, backend: Backend) -> Surrounded:
        """The same course around another engine."""
        inner = self._backend
        if isinstance(inner, Surrounded):
            backend = inner.over(backend)
        return Surrounded(backend, self._around, self._clock)

    def perform(self, request: Request) -> Response:
        """See `Backend`."""
        if is_on() and current() is None:
            return called(Call(request), lambda: self.perform(request))
        return perform_course(self._course(request), self._backend, self._clock)

    async def aperform(self, request: Request) -> Response:
        """See `Backend`."""
        if is_on() and current() is None:
            return await acalled(Call(request), lambda: self.aperform(request))
        return await aperform_course(self._course(request), self._backend, self._clock)

    def submit(self, request: Request, on_done: Callable[[Outcome], None]) -> Transfer:
        """See `Backend`."""
        course = self._course(request)

        def start(done: Callable[[Outcome], None]) -> Transfer:
            return CourseTransfer(course, self._backend, self._clock, done).start()

        return started(request, start, on_done)

    def _course(self, request: Request) -> Course:
        return self._around(request, Deadline(request, self._clock))
