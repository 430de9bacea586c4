"""Calls back when it is time. Only what waits without a thread of its own needs it: queries in line
for the wire, and transfers that end in a callback. Whoever blocks, or is a task, sleeps there."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from onehttp_backends.forks import reentrant_lock

logger = logging.getLogger("onehttp")
FEW: Final = 64
"""The number of cancelled timers that may stay in the heap."""
LONGEST_WAIT_S: Final = 3600.0
"""A lock cannot be waited for for as long as a due time may be away."""


class Timer:
    """Something that is to be called once."""

    __slots__ = ("_fire", "_timers")

    def __init__(self, timers: Timers, fire: Callable[[], object]) -> None:
        self._timers = timers
        self._fire: Callable[[], object] | None = fire

    def cancel(self) -> bool:
        """Have it not called, and let go of it; False: it has been, or is being called."""
        if self.take() is None:
            return False
        self._timers.note_cancelled()
        return True

    def take(self) -> Callable[[], object] | None:
        """Take the function to call. Only the first caller gets it; others get None."""
        with self._timers.changing:
            fire, self._fire = self._fire, None
        return fire

    @property
    def is_set(self) -> bool:
        """Whether it is still to be called."""
        return self._fire is not None


class Timers:
    """One heap of due times, and one thread while something lies in it."""

    def __init__(self) -> None:
        self.changing = reentrant_lock()
        """Guards all of it. Reentrant: a signal handler may set and cancel timers, too."""
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        # No condition: one that a signal handler interrupts as it is entered stays locked.
        self._bell = threading.Lock()
        self._bell.acquire()
        self._looks_at = float("inf")
        """When the thread looks by itself."""
        self._due: list[tuple[float, int, Timer]] = []
        self._cancelled = 0  # of those in the heap
        self._thread: threading.Thread | None = None

    @property
    def pending(self) -> int:
        """How many are still to be called."""
        with self.changing:
            return sum(timer.is_set for _, _, timer in self._due)

    def at(self, due: float, fire: Callable[[], object]) -> Timer:
        """Have ``fire`` called at ``due`` (monotonic) on a thread; it must return quickly.

        Raises:
            RuntimeError: there is no thread for it; ``fire`` is not called then.
        """
        timer = Timer(self, fire)
        with self.changing:
            try:
                heapq.heappush(self._due, (due, next(_numbers), timer))
                self._see_to_thread(due)
            except BaseException:
                timer.cancel()
                raise
        return timer

    def note_cancelled(self) -> None:
        """One of those in the heap is not to be called; when they are most of it, they go."""
        with self.changing:
            self._cancelled += 1
            if self._cancelled > FEW and self._cancelled > len(self._due) // 2:
                self._due = [entry for entry in self._due if entry[2].is_set]
                heapq.heapify(self._due)
                self._cancelled = 0

    def _see_to_thread(self, due: float) -> None:
        thread = self._thread
        if thread is not None and thread.is_alive():
            if due < self._looks_at:
                with suppress(RuntimeError):  # rung already
                    self._bell.release()
            return
        thread = threading.Thread(target=self._run, name="onehttp-timers", daemon=True)
        thread.start()
        self._thread = thread  # last: where it cannot start, the next timer tries again

    def _run(self) -> None:
        while (fire := self._next()) is not None:
            try:
                fire()
            except BaseException:
                logger.exception("a timer failed")  # the others fire all the same

    def _next(self) -> Callable[[], object] | None:
        """Wait for the next timer and return it; None if none is left."""
        while True:
            with self.changing:
                if not self._due:
                    self._thread = None
                    return None
                due, _, timer = self._due[0]
                wait_s = due - time.monotonic() if timer.is_set else 0.0
                if wait_s <= 0:
                    heapq.heappop(self._due)
                    if (fire := timer.take()) is not None:
                        return fire
                    self._cancelled -= 1
                    continue
                self._looks_at = due
                bell = self._bell
            bell.acquire(timeout=min(wait_s, LONGEST_WAIT_S))


_numbers = itertools.count()
_all: weakref.WeakSet[Timers] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for timers in list(_all):
        timers._reset()  # what was set is the parent's, and so is the thread


os.register_at_fork(after_in_child=_after_fork_in_child)
