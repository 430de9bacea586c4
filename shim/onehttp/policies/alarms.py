"""Calls back when it is time. Only transfers that end in a callback need it: whoever waits in a
thread or a task sleeps there."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable

logger = logging.getLogger("onehttp")


class Alarms:
    """One thread, which exists while an alarm is set."""

    def __init__(self) -> None:
        self._begin_afresh()
        _all.add(self)

    def _begin_afresh(self) -> None:
        self._changed = threading.Condition()  # guards _due and _is_running
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._is_running = False

    def set(self, due: float, ring: Callable[[], None]) -> None:
        """Have ``ring`` called at ``due`` (monotonic); it must return quickly."""
        with self._changed:
            heapq.heappush(self._due, (due, next(_numbers), ring))
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="onehttp-alarms", daemon=True).start()
            elif self._due[0][2] is ring:
                self._changed.notify()

    def _run(self) -> None:
        while (ring := self._next()) is not None:
            try:
                ring()
            except Exception:
                logger.exception("an alarm failed")  # the others are rung all the same

    def _next(self) -> Callable[[], None] | None:
        """What rings next, once it is time; None when no alarm is left."""
        with self._changed:
            while self._due:
                wait_s = self._due[0][0] - time.monotonic()
                if wait_s <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait_s)
            self._is_running = False
        return None


_numbers = itertools.count()
_all: weakref.WeakSet[Alarms] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for alarms in list(_all):
        alarms._begin_afresh()  # what was set is the parent's, and so is the thread


os.register_at_fork(after_in_child=_after_fork_in_child)
