"""What tasks hold of policies (permits, trials), and how it is given back if their loop is closed.

A task that waits when its loop is closed never continues, and its coroutine lives until the garbage
collector finds it, or for ever if something refers to it. So the work that is due at the end of
the task is registered here as well, by loop. It is done once: by the task itself, or by a call
that wants what the task holds (its waiters look every `LOOK_AGAIN_S`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from concurrent.futures import Future

LOOK_AGAIN_S: Final = 0.5

Holders: TypeAlias = "dict[object, Callable[[], object]]"
"""The tasks of one loop that hold something, by whatever stands for them, and how it is given back.
Each takes itself out; who takes it out gives back, and nobody else does."""

_by_loop: dict[AbstractEventLoop, Holders] = {}


def holders_here() -> Holders:
    """The registered holders of the running loop."""
    from asyncio import get_running_loop

    loop = get_running_loop()
    holders = _by_loop.get(loop)
    if holders is None:
        give_back()
        holders = _by_loop.setdefault(loop, {})
    return holders


def are_any() -> bool:
    """Whether tasks hold anything at all, so that it is worth looking."""
    return any(list(_by_loop.values()))


def give_back() -> bool:
    """Give back what tasks of closed loops hold; True if there was any. From any thread."""
    has_given = False
    for loop, holders in list(_by_loop.items()):
        if loop.is_closed():
            while holders:
                try:
                    holder, end = next(iter(holders.items()))
                except (StopIteration, RuntimeError):  # another thread was faster
                    continue
                try:
                    if holders.pop(holder, None) is not None:
                        end()
                        has_given = True
                except BaseException:  # of a signal handler: the next who looks does it
                    holders[holder] = end
                    raise
            _by_loop.pop(loop, None)
    return has_given


async def landed(flight: Future[Any], patience_s: float | None = None) -> bool:
    """Wait in a task for a result that a thread or another task will bring.

    The loop of that other task may be closed meanwhile, so the wait is repeated in short steps.

    Returns:
        Whether the result came within ``patience_s``.
    """
    import asyncio

    waiting = asyncio.wrap_future(flight)
    until = None if patience_s is None else time.monotonic() + patience_s
    left_s = patience_s
    try:
        while not flight.done() and (left_s is None or left_s > 0):
            look_s = LOOK_AGAIN_S if left_s is None else min(left_s, LOOK_AGAIN_S)
            await asyncio.wait([waiting], timeout=look_s)
            give_back()
            left_s = None if until is None else until - time.monotonic()
    finally:
        with suppress(RuntimeError):  # our own loop is closed
            waiting.cancel()  # nothing, where it is done
    return flight.done()


# In a forked child policies start anew, and transfers in flight belong to the parent.
os.register_at_fork(after_in_child=_by_loop.clear)
