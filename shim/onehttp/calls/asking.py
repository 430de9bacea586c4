"""A step of a course that somebody else's function decides: a hook, or where a token comes from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from onehttp_backends.observed import apart

T = TypeVar("T")


class Ask(Generic[T]):
    """Call ``blocking``, or in a task await ``awaited()``; ``answer`` is there when that is done.

    What it raises ends the call, and is its caller's. Calls that it makes are calls of their own.
    """

    __slots__ = ("_awaited", "_blocking", "answer")

    answer: T

    def __init__(self, blocking: Callable[[], T], awaited: Callable[[], Awaitable[T]]) -> None:
        self._blocking = blocking
        self._awaited = awaited

    def run(self) -> None:
        """In a thread that may block."""
        with apart():
            try:
                self.answer = self._blocking()
            except StopIteration as error:  # the end of the course itself, to who takes its steps
                raise RuntimeError("a hook or a fetch raised StopIteration") from error

    async def arun(self) -> None:
        """In a task."""
        with apart():
            self.answer = await self._awaited()
