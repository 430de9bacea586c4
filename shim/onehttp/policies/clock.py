"""Time for policies: what it is now, and three ways to let some of it pass.

A test hands in a clock of its own, and needs no sleeps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from onehttp.policies.limits import Turn
from onehttp.timers import Timer, Timers


class Pause(NamedTuple):
    """Let ``seconds`` pass (None: no end), or less where it is a ``turn`` that is waited for."""

    seconds: float | None
    turn: Turn | None = None


class Clock:
    """The real one."""

    def __init__(self) -> None:
        self.timers = Timers()

    now = staticmethod(time.monotonic)
    """Seconds that never go back."""
    wall = staticmethod(time.time)
    """Seconds since 1970: what a date in ``Retry-After`` is compared with."""

    def share(self) -> float:
        """The jitter: from 0 up to 1."""
        from random import random

        return random()

    def pause(self, pause: Pause) -> None:
        """In a thread that may block."""
        if pause.turn is None:
            time.sleep(pause.seconds or 0)
            return
        granted = threading.Event()
        pause.turn.when_granted(granted.set)
        granted.wait(pause.seconds)

    async def apause(self, pause: Pause) -> None:
        """In a task."""
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
        """For who can do neither: ``resume`` is called then, on another thread. It may be called
        twice, where a turn comes as time is up; the timer that is returned may be cancelled.

        Raises:
            RuntimeError: there is no thread for it.
        """
        timer = None
        if pause.seconds is not None:
            timer = self.timers.at(self.now() + pause.seconds, resume)
        if pause.turn is not None:
            pause.turn.when_granted(resume)
        return timer
