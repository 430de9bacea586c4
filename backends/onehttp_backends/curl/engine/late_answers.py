"""Answers that came in time, and that nobody has looked at since: the driver stood still.

An event loop that computes for seconds, or a process that was stopped, comes back to sockets full
of answers. libcurl looks at the clock before it looks at a socket, and would call them all late.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

import pycurl

from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.errors import CurlCode

LATE_S = 0.25
"""So long after the last look it is worth the while to look through all that run."""


class LateAnswers:
    """What is overdue only because of that. For the driver."""

    __slots__ = ("_looked_at",)

    def __init__(self) -> None:
        self._looked_at = 0.0

    def spared(self, running: Mapping[Easy, Transfer]) -> list[Transfer]:
        """Those that libcurl may read for once more, without regard to their time, which is over:
        to be ended then, if they have not."""
        now, before = time.monotonic(), self._looked_at
        self._looked_at = now
        if now - before < LATE_S:
            return []
        found = [each for each in running.values() if each.deadline <= now]
        for transfer in found:
            if transfer.handle is not None and not transfer.handle.is_parked:
                transfer.handle.lift_limit()
        return found


def end_late(
    spared: Iterable[Transfer],
    reap: Callable[[], None],
    fail: Callable[[Transfer, int, str], None],
) -> None:
    """End those whose answers were not there, after all."""
    reap()
    for transfer in spared:
        if transfer.outcome is None and (handle := transfer.handle) is not None:
            elapsed_ms = round(handle.easy.getinfo(pycurl.TOTAL_TIME) * 1000)
            text = f"Operation timed out after {elapsed_ms} milliseconds"
            fail(transfer, CurlCode.OPERATION_TIMEDOUT, text)
