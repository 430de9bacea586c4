"""A clock for retries, breakers and limits that tests move by hand."""

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
from onehttp_backends.forks import reentrant_lock
from onehttp_backends.hints.elsewhere import tell


class PolicyClock(Clock):
    """The fixture `onehttp_clock`: time passes only when the code under test waits, or by
    `advance`.

    A pause returns at once and moves the clock by its length. A call that waits for a turn (of a
    limit, say) waits until it gets one, or until `advance` has moved the clock past its limit.

    Attributes:
        pauses: the lengths of all pauses so far, in seconds. Jitter is always at its maximum, so
            a retry waits exactly as long as its policy says: 0.1, 0.2, 0.4 ...
    """

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._now_s = 0.0
        self._wall_s = time.time()
        self._changing = reentrant_lock()  # guards the attributes below
        self._numbers = itertools.count()
        self._waiting: list[tuple[float, int, Callable[[], object]]] = []

    @property
    def waiting(self) -> int:
        """How many calls wait for a turn with a time limit."""
        with self._changing:
            return len(self._waiting)

    def __call__(self) -> float:
        """The time in seconds; stands for `time.monotonic`."""
        return self._now_s

    def now(self) -> float:
        """The time in seconds since the clock was made."""
        return self._now_s

    def wall(self) -> float:
        """The time in seconds since 1970."""
        return self._wall_s + self._now_s

    def share(self) -> float:
        """The share of jitter: its maximum; see `pauses`."""
        return 1.0

    def advance(self, seconds: float) -> None:
        """Move the clock forward by ``seconds``.

        Raises:
            ValueError: ``seconds`` is negative.
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
        """Wait in a thread, which may block."""
        if pause.turn is None:
            self._pass(pause)
            return
        over = threading.Event()
        self._wake_at(pause, over.set)
        pause.turn.when_granted(over.set)
        over.wait()

    async def apause(self, pause: Pause) -> None:
        """Wait in a task."""
        if pause.turn is None:
            self._pass(pause)
            return
        loop, over = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed, and its task does not wait any more
                loop.call_soon_threadsafe(over.set)

        self._wake_at(pause, wake)
        pause.turn.when_granted(wake)
        await over.wait()

    def later(self, pause: Pause, resume: Callable[[], None]) -> None:
        """Call ``resume`` after the pause, for calls with callbacks."""
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
