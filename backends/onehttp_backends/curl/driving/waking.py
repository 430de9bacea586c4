"""Wakes tasks by their futures, also where a signal handler raises meanwhile.

`Future.set_result` calls `loop.call_soon`, which is Python in asyncio. What is raised in there
leaves a future that has its result, and a task that waits for it and that nobody would ever wake.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import Context
from typing import Any, NamedTuple, TypeVar

R = TypeVar("R")


class Sleeper(NamedTuple):
    """A task that may not have been woken."""

    future: asyncio.Future[Any]
    wake: Callable[[asyncio.Future[Any]], object]
    context: Context

    def is_asleep(self) -> bool:
        """Whether it still waits for this future."""
        task = getattr(self.wake, "__self__", None)
        return getattr(task, "_fut_waiter", None) is self.future


class Waking:
    """Of one loop; in its thread."""

    __slots__ = ("_loop", "_may_be_hit", "sleepers")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._may_be_hit = threading.current_thread() is threading.main_thread()
        self.sleepers: list[Sleeper] = []

    def tell(self, future: asyncio.Future[R], result: R) -> None:
        """Give a future its result, unless it has one."""
        if future.done():
            return
        waiting = future._callbacks if self._may_be_hit else ()
        try:
            future.set_result(result)
        except BaseException:
            self.sleepers += [Sleeper(future, wake, context) for wake, context in waiting]
            raise

    def look(self) -> None:
        """Wake those who are still asleep."""
        for sleeper in list(self.sleepers):
            if sleeper.is_asleep():
                self._loop.call_soon(_wake, sleeper, context=sleeper.context)
            else:
                self.sleepers.remove(sleeper)


def _wake(sleeper: Sleeper) -> None:
    if sleeper.is_asleep():  # not woken after all, since this was put off
        sleeper.wake(sleeper.future)
