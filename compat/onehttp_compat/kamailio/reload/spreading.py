"""How far a script that was read anew has got: who works on queries lets the others read it.

A process of the server reads a new script when it calls Python and no other process is in Python
at that moment: all of them try one lock, and none waits for it. A process that sends queries is in
Python nearly always, so that the others would find the lock taken for minutes.
"""

from __future__ import annotations

import mmap
import time
from typing import Final

RANKS: Final = 1024
"""SIP workers beyond so many are not waited for."""
STAY_S: Final = 30.0
"""So long after a reload at least: what is no SIP worker reads it, too (timers, failure routes)."""
MOST_S: Final = 600.0
"""A worker that has had nothing to do for so long is not waited for any more."""
_LONG_AGO: Final = -1e9
_NEWEST, _AT, _HIGHEST, _RANKS = range(4)
"""Cells: the newest script's number, when it was read first, the highest rank, and of each rank
the script that it has read, plus 1."""


class Spreading:
    """Made before the server forks. Nothing in it has to be exact, so there is no lock."""

    def __init__(self) -> None:
        memory = mmap.mmap(-1, (_RANKS + RANKS) * 8)
        self._cells = memoryview(memory).cast("q")
        self._times = memoryview(memory).cast("d")
        self._times[_AT] = _LONG_AGO
        self._read = 0
        self._rank = 0

    def begins(self, rank: int) -> None:
        """A process is that one; SIP workers count from 1."""
        if 0 < rank < RANKS:
            self._rank = rank
            self._cells[_HIGHEST] = max(self._cells[_HIGHEST], rank)
            self._cells[_RANKS + rank] = self._read + 1

    def reads(self) -> None:
        """This process reads a script anew: the one that others have read, or a newer one."""
        if self._read == self._cells[_NEWEST]:
            self._cells[_NEWEST] = self._read + 1
            self._times[_AT] = time.monotonic()
        self._read = self._cells[_NEWEST]
        self.begins(self._rank)

    def is_under_way(self) -> bool:
        """Whether some process may still have to read it."""
        since_s = time.monotonic() - self._times[_AT]
        if since_s < STAY_S or since_s > MOST_S:
            return since_s < STAY_S
        newest, highest = self._cells[_NEWEST], self._cells[_HIGHEST]
        return any(0 < one <= newest for one in self._cells[_RANKS : _RANKS + highest + 1])
