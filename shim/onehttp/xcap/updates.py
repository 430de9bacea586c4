"""Periodic refreshing, in a thread or in a task of an event loop."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from onehttp.errors import OnehttpError
from onehttp_backends.hints.keywords import explained

JITTER: Final = 0.1
_log = logging.getLogger("onehttp.xcap")


@explained
def jittered(
    period_s: float,
    share: float = JITTER,
    uniform: Callable[[float, float], float] = random.uniform,
) -> Iterator[float]:
    """Seconds to wait before each round: the period, plus or minus ``share`` of it.

    The first wait is a random part of the period, so that processes started together do not all ask
    at once.
    """
    yield uniform(0.0, period_s)
    while True:
        yield period_s * uniform(1.0 - share, 1.0 + share)


class PeriodicUpdates:
    """Calls ``refresh`` again and again in a thread of its own, never twice at the same time.

    A round that fails is logged, and the next one is made as usual.

    Args:
        refresh: what to call, e.g. ``client.refresh``.
        waits: the seconds to wait before each round, e.g. from `jittered`; the thread ends when
            they do.
    """

    def __init__(self, refresh: Callable[[], object], waits: Iterator[float]) -> None:
        self._refresh = refresh
        self._waits = waits
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="onehttp-xcap-updates", daemon=True)

    def start(self) -> None:
        """Start the thread. May be called once."""
        self._thread.start()

    def stop(self, grace_s: float = 5.0) -> None:
        """Make no further round; wait up to ``grace_s`` seconds for one that is running."""
        self._stopping.set()
        self._thread.join(grace_s)

    def __enter__(self) -> PeriodicUpdates:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        for wait_s in self._waits:
            if self._stopping.wait(wait_s):
                return
            try:
                self._refresh()
            except Exception as error:  # noqa: BLE001 - whatever ends a round must not end all
                _report(error)


@explained
async def update_periodically(
    refresh: Callable[[], Awaitable[object]], waits: Iterator[float]
) -> None:
    """Refresh periodically in a task: ``asyncio.create_task(update_periodically(client.arefresh,
    ...))``.

    Cancel the task to end it.
    """
    for wait_s in waits:
        await asyncio.sleep(wait_s)
        try:
            await refresh()
        except Exception as error:  # noqa: BLE001 - as above
            _report(error)


def _report(error: Exception) -> None:
    """Errors that are foreseen say enough by themselves; of others one wants to see where."""
    is_foreseen = isinstance(error, OnehttpError)
    text = str(error) if is_foreseen else f"{type(error).__name__}: {error}"
    _log.error("periodic update: %s", text, exc_info=None if is_foreseen else error)
