"""`Batching`: many exchanges made by one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeAlias, TypeVar, runtime_checkable

from onehttp_backends.contract import Outcome, Request

K = TypeVar("K")
OnEnd: TypeAlias = Callable[[K, Outcome], None]
"""Called with the key of a request and its outcome."""
NONE_BRIEF: Final[frozenset[int]] = frozenset()


@runtime_checkable
class Batching(Protocol):
    """A backend that runs many exchanges in the thread that waits for all of them."""

    def perform_all(
        self,
        requests: Iterable[tuple[K, Request]],
        width: int,
        on_done: OnEnd[K],
        brief: frozenset[int] = NONE_BRIEF,
    ) -> None:
        """Run ``requests``, at most ``width`` at a time, and return when the last has ended.

        The next request is taken from the iterable as soon as there is room for it. ``on_done`` is
        called for each in the order in which they end. Both happen in the calling thread, and while
        they run, the transfers in flight stand still unless another thread drives the engine: keep
        them short.

        Args:
            brief: statuses of which the caller needs nothing else. A response with one of them may
                have only its status and HTTP version, and may be one object for several requests.

        Raises:
            EngineClosedError: the engine was closed; ``on_done`` was called for all that had begun.
            ReentrantCallError: called inside the engine's driver.
        """
