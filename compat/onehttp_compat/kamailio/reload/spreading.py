"""How long ago a script was read anew: who works on queries lets the others read it, too.

A process of the server reads a new script when it calls Python and no other process is in Python
at that moment: all of them try one lock, and none waits for it. A process that sends queries is in
Python nearly always, so that the others would find the lock taken for minutes.

Who has to read it nobody can tell: SIP workers, timers, each when it is next called, if ever.
"""

from __future__ import annotations

import mmap
import time
from typing import Final

MOST_S: Final = 600.0
"""Whoever has not been called for so long after a reload may go on with the script it has."""
_LONG_AGO: Final = -1e9
_NEWEST, _AT = range(2)
"""Cells: the number of the newest script, and when a process read it first."""


class Spreading:
    """Made before the server forks. Nothing in it has to be exact, so there is no lock."""

    def __init__(self) -> None:
        memory = mmap.mmap(-1, mmap.PAGESIZE)
        self._cells = memoryview(memory).cast("q")
        self._times = memoryview(memory).cast("d")
        self._times[_AT] = _LONG_AGO
        self._read = 0

    def reads(self) -> None:
        """This process reads a script anew: the one that others have read, or a newer one."""
        if self._read == self._cells[_NEWEST]:
            self._cells[_NEWEST] = self._read + 1
            self._times[_AT] = time.monotonic()
        self._read = self._cells[_NEWEST]

    def is_under_way(self) -> bool:
        """Whether some process may still have to read it."""
        return time.monotonic() - self._times[_AT] < MOST_S
