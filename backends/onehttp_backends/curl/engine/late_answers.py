"""Answers that came in time, and that nobody has looked at since: the driver stood still.

An event loop that computes for seconds, or a process that was stopped, comes back to sockets full
of answers. libcurl looks at the clock before it looks at a socket, and would call them all late.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import pycurl

from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.errors import CurlCode

LATE_S = 0.25
"""If the last look is this long ago, it is worth looking through all transfers."""


class LateAnswers:
    """What is overdue only because of that. For the driver."""

    __slots__ = ("_looked_at", "spared")

    def __init__(self) -> None:
        self._looked_at = 0.0
        self.spared: list[Transfer] = []
        """What libcurl may read for once more, without regard to its time, which is over. From then
        on only `end` ends it, so an exception in between leaves it here for the next turn."""

    def spare(self, running: Mapping[Easy, Transfer]) -> None:
        """Sockets are about to be looked at: for the first time for long, perhaps."""
        now, before = time.monotonic(), self._looked_at
        self._looked_at = now
        if now - before < LATE_S:
            return
        for transfer in list(running.values()):
            handle = transfer.handle
            if transfer.deadline <= now and handle is not None and not handle.is_parked:
                self.spared.append(transfer)
                handle.limit_to(0)

    def end(self, reap: Callable[[], None], fail: Callable[[Transfer, int, str], None]) -> None:
        """End those whose answers were not there, after all."""
        reap()
        while self.spared:
            transfer = self.spared[-1]
            if transfer.outcome is None and (handle := transfer.handle) is not None:
                elapsed_ms = round(handle.easy.getinfo(pycurl.TOTAL_TIME) * 1000)
                text = f"Operation timed out after {elapsed_ms} milliseconds"
                fail(transfer, CurlCode.OPERATION_TIMEDOUT, text)
            self.spared.pop()
