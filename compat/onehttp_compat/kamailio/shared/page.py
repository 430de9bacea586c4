"""A page of memory that all processes of the server share: who works, and what was told already."""

from __future__ import annotations

import mmap
import time
import zlib
from typing import Final

_BYTES: Final = 64 << 10
_MARKS_AT: Final = 64


class SharedPage:
    """Made before the server forks. Nothing in it has to be exact, so there is no lock."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _BYTES)
        # Not `struct.pack_into`, which writes zeros first: others read this meanwhile.
        self._times = memoryview(self._memory).cast("d")
        self.beat()

    def beat(self) -> None:
        """A process that sends queries is at work."""
        self._times[0] = time.monotonic()

    def silence_s(self) -> float:
        """Seconds since one was, or since the start."""
        return time.monotonic() - self._times[0]

    def is_new(self, text: str) -> bool:
        """Whether no process has asked this of the text before: True once in the server's life."""
        number = zlib.crc32(text.encode("utf-8", "surrogateescape")) % ((_BYTES - _MARKS_AT) * 8)
        place, bit = _MARKS_AT + number // 8, 1 << number % 8
        is_new = not self._memory[place] & bit
        self._memory[place] |= bit
        return is_new
