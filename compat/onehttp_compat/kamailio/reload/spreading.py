"""Knows how long ago a script was read again, so that processes that send queries let the others
read it.

A process reads a new script when it calls Python and no other process is in Python at that moment:
all of them try one lock, and none waits for it. A process that sends queries is in Python almost
always, so the others would find the lock taken for minutes.

It is unknown which processes still have to read it: SIP workers and timers do so when they are
called next, if ever.
"""

from __future__ import annotations

import mmap
import time
from typing import Final

MOST_S: Final = 600.0
"""Seconds after a reload for which others get the chance to read the script. A process that is not
called within that time may keep its old script for longer."""
_LONG_AGO: Final = -1e9
_NEWEST, _AT = range(2)
"""Indexes: the number of the newest script, and the time when a process read it first."""


class Spreading:
    """It is made before the server forks. Nothing in it has to be exact, so there is no lock."""

    def __init__(self) -> None:
        memory = mmap.mmap(-1, mmap.PAGESIZE)
        self._cells = memoryview(memory).cast("q")
        self._times = memoryview(memory).cast("d")
        self._times[_AT] = _LONG_AGO
        self._read = 0

    def reads(self) -> None:
        """This process reads a script again: the one that others have read, or a newer one."""
        if self._read == self._cells[_NEWEST]:
            self._cells[_NEWEST] = self._read + 1
            self._times[_AT] = time.monotonic()
        self._read = self._cells[_NEWEST]

    def is_under_way(self) -> bool:
        """Whether some process may still have to read it."""
        return time.monotonic() - self._times[_AT] < MOST_S
