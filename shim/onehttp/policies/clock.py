"""The time for policies: the present time, and three ways to wait. Tests replace it by their
own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from onehttp.policies.limits import Turn
from onehttp.timers import Timer, Timers

LOOK_AGAIN_S: Final = 0.5
"""How often a thread that waits looks for its turn: in a forked child, nobody wakes it."""


class Pause(NamedTuple):
    """Wait for ``seconds`` (None: no limit), or until ``turn`` is granted, if there is one."""

    seconds: float | None
    turn: Turn | None = None


class Clock:
    """The real clock."""

    def __init__(self) -> None:
        self.timers = Timers()

    now = staticmethod(time.monotonic)
    """Seconds that never go back."""
    wall = staticmethod(time.time)
    """Seconds since 1970: what a date in ``Retry-After`` is compared with."""

    def share(self) -> float:
        """The jitter of a wait: a random number from 0 up to 1."""
        from random import random

        return random()

    def pause(self, pause: Pause) -> None:
        """Wait in a thread, which may block."""
        if pause.turn is None:
            time.sleep(pause.seconds or 0)
            return
        # Not an event: a handler that grants the turn could wait for the lock inside it, and one
        # that raises could leave that locked.
        bell = threading.Lock()
        bell.acquire()

        def ring() -> None:
            with suppress(RuntimeError):  # rung already
                bell.release()

        pause.turn.when_granted(ring)
        until = None if pause.seconds is None else self.now() + pause.seconds
        while not pause.turn.is_granted:
            left_s = LOOK_AGAIN_S if until is None else min(LOOK_AGAIN_S, until - self.now())
            if left_s <= 0:
                return
            bell.acquire(timeout=left_s)

    async def apause(self, pause: Pause) -> None:
        """Wait in a task."""
        import asyncio

        if pause.turn is None:
            await asyncio.sleep(pause.seconds or 0)
            return
        loop = asyncio.get_running_loop()
        granted = loop.create_future()

        def note() -> None:
            if not granted.done():
                granted.set_result(None)

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed: see `closed_loops`
                loop.call_soon_threadsafe(note)

        pause.turn.when_granted(wake)
        await asyncio.wait([granted], timeout=pause.seconds)

    def later(self, pause: Pause, resume: Callable[[], None]) -> Timer | None:
        """Call ``resume`` after the pause, on another thread; for calls with callbacks.

        It may be called twice if a turn is granted as the time ends. The timer that is returned may
        be cancelled.

        Raises:
            RuntimeError: the system has no thread left.
        """
        timer = None
        if pause.seconds is not None:
            timer = self.timers.at(self.now() + pause.seconds, resume)
        if pause.turn is not None:
            pause.turn.when_granted(lambda: self._resume(resume))
        return timer

    def _resume(self, resume: Callable[[], None]) -> None:
        """Go on with the call of another caller, whose turn has come."""
        if threading.current_thread() is threading.main_thread():
            # Not here: a signal handler that raises would cut it short, and nobody would hear.
            self.timers.at(0.0, resume)
        else:
            resume()
