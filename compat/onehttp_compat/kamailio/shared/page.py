"""A page of memory that all processes share: which of them work, and which texts were logged."""

from __future__ import annotations

import mmap
import time
import zlib
from typing import Final

_BYTES: Final = 64 << 10
_MARKS_AT: Final = 64


class SharedPage:
    """It is made before the server forks. Nothing in it has to be exact, so there is no lock."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _BYTES)
        # Not `struct.pack_into`, which writes zeros first, while other processes read.
        self._times = memoryview(self._memory).cast("d")
        self.beat()

    def beat(self) -> None:
        """Record that a process that sends queries is at work."""
        self._times[0] = time.monotonic()

    def silence_s(self) -> float:
        """Seconds since such a process was last at work, or since the start."""
        return time.monotonic() - self._times[0]

    def is_new(self, text: str) -> bool:
        """Whether the text is new to all processes: True only once in the life of the server."""
        number = zlib.crc32(text.encode("utf-8", "surrogateescape")) % ((_BYTES - _MARKS_AT) * 8)
        place, bit = _MARKS_AT + number // 8, 1 << number % 8
        is_new = not self._memory[place] & bit
        self._memory[place] |= bit
        return is_new
