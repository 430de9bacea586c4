"""Time that passes when a test says so."""

from __future__ import annotations


class ManualClock:
    """Stands for ``time.monotonic``: seconds, from 0 on."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def __call__(self) -> float:
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            ValueError: it would go backwards.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back by {-seconds} s")
        self._now_s += seconds
