"""A step of a course that calls a function of the user: a hook, or a source of tokens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from onehttp_backends.observed import apart

T = TypeVar("T")


class Ask(Generic[T]):
    """Asks for a call of ``blocking()``, or in a task for ``await awaited()``; sets ``answer``.

    An exception of the function ends the call, and is raised to its caller. Calls that the function
    makes are independent calls.
    """

    __slots__ = ("_awaited", "_blocking", "answer")

    answer: T

    def __init__(self, blocking: Callable[[], T], awaited: Callable[[], Awaitable[T]]) -> None:
        self._blocking = blocking
        self._awaited = awaited

    def run(self) -> None:
        """Call the function in this thread, which may block."""
        with apart():
            try:
                self.answer = self._blocking()
            except StopIteration as error:  # the end of the course itself, to who takes its steps
                raise RuntimeError("a hook or a fetch raised StopIteration") from error

    async def arun(self) -> None:
        """Await the function in this task."""
        with apart():
            self.answer = await self._awaited()
