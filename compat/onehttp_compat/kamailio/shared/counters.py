"""The counters of the modules over all processes of the server, as in the real modules.

Each process adds to a row of its own, so no two processes write the same number. Readers add up the
rows.
"""

from __future__ import annotations

import fcntl
import itertools
import mmap
import os
import struct
from collections.abc import Iterator
from typing import Final

from onehttp_compat.process import Counters

ROWS: Final = 512
"""The number of processes that have a row of their own. Others share the last row, whose sum may be
slightly low."""
COLUMNS: Final = 63
_CELL_BYTES: Final = struct.calcsize("q")
_NO_ROW: Final = -1
_ROW: Final = 1 + 2 * COLUMNS
"""The first number of the first row: how many rows are in use. Of each counter a row has the number
of single additions, and the sum of all others."""


class SharedCounters(Counters):
    """It is made, and its names are given, before the server forks.

    A value that is set instead of added applies only in the process that has set it.
    """

    def __init__(self) -> None:
        super().__init__()  # the numbers that were set
        self._columns: dict[str, int] = {}
        self._file = os.memfd_create("onehttp-counters", os.MFD_CLOEXEC)
        os.ftruncate(self._file, ROWS * _ROW * _CELL_BYTES)
        self._cells = memoryview(mmap.mmap(self._file, 0)).cast("q")
        self._begin = _NO_ROW
        self._steps: dict[str, Iterator[None]] = {}
        """Iterators by name. Each step counts one, and is a single call of C, so no other thread
        comes in between."""

    def close(self) -> None:
        """Let go of its descriptor."""
        os.close(self._file)

    def add(self, name: str, by: int = 1) -> None:
        step = self._steps.get(name)
        if step is None or by != 1:
            self._add(name, by)
        else:
            next(step)

    def _add(self, name: str, by: int) -> None:
        with self._adding:
            if self._begin < 0:
                self._take_row()
            cells, ones = self._cells, self._begin + self._columns[name]
            if by != 1 or self._begin == (ROWS - 1) * _ROW:
                cells[ones + COLUMNS] += by
                return
            step = self._steps.get(name)  # of a thread that has come first
            if step is None:
                step = map(cells.__setitem__, itertools.repeat(ones), itertools.count(1))
                self._steps[name] = step
            next(step)

    def begin_in_child(self) -> None:
        super().begin_in_child()
        self._steps = {}
        self._begin = _NO_ROW  # that one belongs to the parent

    def __getitem__(self, name: str) -> int:
        column = self._columns[name]
        end = self._cells[0] * _ROW
        ones, others = (self._cells[at:end:_ROW] for at in (column, column + COLUMNS))
        return self._numbers[name] + sum(ones) + sum(others)

    def __setitem__(self, name: str, value: int) -> None:
        if name not in self._columns:
            if len(self._columns) == COLUMNS:
                raise ValueError(f"at most {COLUMNS} counters are possible")
            self._columns[name] = len(self._columns) + 1
        self._numbers[name] = value

    def __delitem__(self, name: str) -> None:
        raise TypeError("counters cannot be removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def _take_row(self) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_EX)  # the kernel releases it when the process dies
        try:
            row = min(self._cells[0], ROWS - 1)
            self._cells[0] = row + 1
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
        self._begin = row * _ROW
