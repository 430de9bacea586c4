"""Many exchanges of one thread: the optional part of a backend behind `Batching`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeAlias, TypeVar, runtime_checkable

from onehttp_backends.contract import Outcome, Request

K = TypeVar("K")
OnEnd: TypeAlias = Callable[[K, Outcome], None]
"""Gets the key of one of them, and what came of it."""


@runtime_checkable
class Batching(Protocol):
    """A backend that runs many exchanges in the thread that waits for them all."""

    def perform_all(
        self, requests: Iterable[tuple[K, Request]], width: int, on_done: OnEnd[K]
    ) -> None:
        """Run ``requests``, ``width`` of them at a time, and return when the last has ended.

        Each is taken when there is room for it, and ``on_done`` gets its key with its outcome, in
        the order of their ends; both in the calling thread. Meanwhile nobody drives those in
        flight unless somebody else waits for something: do what takes long when nothing is.

        Raises:
            EngineClosedError: there is no engine for the next; ``on_done`` has had the others'.
            ReentrantCallError: called where it would wait for itself.
        """
