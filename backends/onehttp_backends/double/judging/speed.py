"""How fast an exchange over sockets is, beside `low_speed`."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from onehttp_backends.contract import LowSpeed
from onehttp_backends.double.coming.pace import AVERAGED_S, Judge

T = TypeVar("T")


class TooSlowError(Exception):
    """It was too slow for too long."""


class Speed:
    """Looks each second at how much has passed, while somebody waits for more.

    Args:
        rule: None: it may be as slow as it is.
        passed: how many bytes of bodies have passed until now, either way.
    """

    def __init__(self, rule: LowSpeed | None, passed: Callable[[], int]) -> None:
        self._judge = Judge(rule) if rule is not None else None
        if self._judge is not None:
            self._judge.is_over(0, 0.0)
        self._passed = passed
        self._waited_s = 0.0
        self._seen = deque([(0, 0)], maxlen=AVERAGED_S + 1)
        """(second, bytes) of the last looks."""

    async def while_fast_enough(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of ``work``.

        Raises:
            TooSlowError: it was given up.
        """
        if self._judge is None:
            return await work()
        task = asyncio.ensure_future(work())
        try:
            while not task.done():
                began = time.monotonic()
                next_s = self._seen[-1][0] + 1
                await asyncio.wait({task}, timeout=max(0.0, next_s - self._waited_s))
                self._waited_s += time.monotonic() - began
                if self._waited_s >= next_s and self._is_over(self._judge) and not task.done():
                    raise TooSlowError
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    def _is_over(self, judge: Judge) -> bool:
        second, passed = int(self._waited_s), self._passed()
        self._seen.append((second, passed))
        since, before = self._seen[0]
        return judge.is_over(second, (passed - before) / (second - since))
