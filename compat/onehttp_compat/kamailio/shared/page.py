"""A page of memory that all processes share: which of them work, the longest timer of their
transactions, and which texts were logged."""

from __future__ import annotations

import mmap
import time
import zlib
from typing import Final

_BYTES: Final = 64 << 10
_MARKS_AT: Final = 64
_BEAT_AT, _LONGEST_AT, _LIVES_AT = range(3)


class SharedPage:
    """It is made before the server forks. Nothing in it has to be exact, so there is no lock."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _BYTES)
        # Not `struct.pack_into`, which writes zeros first, while other processes read.
        self._times = memoryview(self._memory).cast("d")
        self.beat()

    def beat(self) -> None:
        """Record that a process that sends queries is at work."""
        self._times[_BEAT_AT] = time.monotonic()

    def silence_s(self) -> float:
        """Seconds since such a process was last at work, or since the start."""
        return time.monotonic() - self._times[_BEAT_AT]

    def note_timer(self, timer_s: float) -> None:
        """Record that a script has let a transaction live so long while it is suspended."""
        if timer_s > self._times[_LONGEST_AT]:
            self._times[_LONGEST_AT] = timer_s

    def longest_timer_s(self) -> float:
        """The longest of these times; 0 if none was recorded."""
        return self._times[_LONGEST_AT]

    def note_own_lifetimes(self) -> None:
        """Record that a script sets the lifetimes of transactions."""
        self._times[_LIVES_AT] = 1.0

    def has_own_lifetimes(self) -> bool:
        """Whether that was recorded."""
        return self._times[_LIVES_AT] != 0

    def is_new(self, text: str) -> bool:
        """Whether the text is new to all processes: True only once in the life of the server."""
        number = zlib.crc32(text.encode("utf-8", "surrogateescape")) % ((_BYTES - _MARKS_AT) * 8)
        place, bit = _MARKS_AT + number // 8, 1 << number % 8
        is_new = not self._memory[place] & bit
        self._memory[place] |= bit
        return is_new
