"""The time of retries, breakers and limits, moved by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from onehttp.hints.testing import OF_CLOCK
from onehttp.policies.clock import Clock, Pause
from onehttp_backends.hints.elsewhere import tell


class PolicyClock(Clock):
    """`onehttp_clock`: whoever waits for time alone makes it pass, at once; whoever waits for a
    turn waits until it comes, or until `advance` has moved time past his patience.

    Attributes:
        pauses: the waits so far, in seconds. Jitter is at its largest, so that a retry waits for
            what its policy says: 0.1, 0.2, 0.4 ...
    """

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._now_s = 0.0
        self._wall_s = time.time()
        self._changing = threading.RLock()  # guards the rest
        self._numbers = itertools.count()
        self._waiting: list[tuple[float, int, Callable[[], object]]] = []

    @property
    def waiting(self) -> int:
        """How many wait for a turn with an end to their patience."""
        with self._changing:
            return len(self._waiting)

    def __call__(self) -> float:
        """Seconds so far, as `time.monotonic` would tell them."""
        return self._now_s

    def now(self) -> float:
        """Seconds so far."""
        return self._now_s

    def wall(self) -> float:
        """Seconds since 1970."""
        return self._wall_s + self._now_s

    def share(self) -> float:
        """See `pauses`."""
        return 1.0

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            ValueError: it would go backwards.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back by {-seconds} s")
        due: list[Callable[[], object]] = []
        with self._changing:
            self._now_s += seconds
            while self._waiting and self._waiting[0][0] <= self._now_s:
                due.append(heapq.heappop(self._waiting)[2])
        for wake in due:
            wake()

    def pause(self, pause: Pause) -> None:
        """In a thread that may block."""
        if pause.turn is None:
            self._pass(pause)
            return
        over = threading.Event()
        self._wake_at(pause, over.set)
        pause.turn.when_granted(over.set)
        over.wait()

    async def apause(self, pause: Pause) -> None:
        """In a task."""
        if pause.turn is None:
            self._pass(pause)
            return
        loop, over = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed; its task has left the line
                loop.call_soon_threadsafe(over.set)

        self._wake_at(pause, wake)
        pause.turn.when_granted(wake)
        await over.wait()

    def later(self, pause: Pause, resume: Callable[[], None]) -> None:
        """For who can do neither."""
        if pause.turn is None:
            self._pass(pause)
            resume()
            return
        self._wake_at(pause, resume)
        pause.turn.when_granted(resume)

    def _pass(self, pause: Pause) -> None:
        seconds = pause.seconds or 0.0
        self.pauses.append(seconds)
        self.advance(seconds)

    def _wake_at(self, pause: Pause, wake: Callable[[], object]) -> None:
        if pause.seconds is not None:
            with self._changing:
                entry = (self._now_s + pause.seconds, next(self._numbers), wake)
                heapq.heappush(self._waiting, entry)


tell(PolicyClock, OF_CLOCK)
