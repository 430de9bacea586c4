"""The idle limit of one streamed transfer."""

from __future__ import annotations

import time
from typing import Protocol

from onehttp_backends.curl.idle_limit import Progress


class Streaming(Protocol):
    """The part of `StreamHandle` that its limits look at."""

    ends_at: float

    @property
    def waits_for_us(self) -> bool: ...


class StreamProgress(Progress):
    """An idle limit that does not count while our own side is waited for; also the total limit."""

    __slots__ = ("handle",)

    handle: Streaming

    def last_moved(self) -> float:
        moved_at = time.monotonic() if self.handle.waits_for_us else super().last_moved()
        return min(moved_at, self.handle.ends_at - self.limit_s)

    def touch(self) -> None:
        """Note that our side has caught up: from now on the peer is waited for."""
        self._moved_at = time.monotonic()

    def text(self) -> str:
        is_over = self.handle.ends_at <= time.monotonic()
        return "no end within the time limit" if is_over else super().text()
