"""Which transactions have been continued, known to all processes of the server."""

from __future__ import annotations

import mmap
from typing import Final

_CELLS: Final = 65521
_LABEL: Final = 0xFFFF_FFFF


class Continued:
    """It is made before the server forks.

    A cell holds the transaction that was continued last of those that share it, so an older one
    counts as not continued. Each change is one store, so there is no lock.
    """

    def __init__(self) -> None:
        self._cells = memoryview(mmap.mmap(-1, 8 * _CELLS)).cast("q")

    def add(self, index: int, label: int) -> bool:
        """Note that a transaction is continued. False: it has been since it was suspended."""
        key = (index << 32 | label & _LABEL) + 1
        cell = key % _CELLS
        if self._cells[cell] == key:
            return False
        self._cells[cell] = key
        return True

    def discard(self, index: int, label: int) -> None:
        """Note that a transaction is suspended, perhaps once more."""
        key = (index << 32 | label & _LABEL) + 1
        if self._cells[key % _CELLS] == key:
            self._cells[key % _CELLS] = 0
