"""A load test: so many callers, each asking again as soon as it is answered."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import onehttp

CALLERS = 32


@dataclass
class Load:
    """What came of it."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    """By status, or the error's name."""

    @property
    def calls(self) -> int:
        return self.outcomes.total()

    def __str__(self) -> str:
        ordered = sorted(self.latencies_ms)
        p50, p99 = (ordered[int(len(ordered) * share)] for share in (0.5, 0.99))
        outcomes = ", ".join(f"{count} x {what}" for what, count in self.outcomes.items())
        rate = self.calls / self.seconds
        return f"{rate:,.0f} calls/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms; {outcomes}"


async def load(url: str, seconds: float) -> Load:
    """Ask for that long."""
    found = Load()
    began = time.monotonic()

    async def caller() -> None:
        while time.monotonic() - began < seconds:
            asked = time.perf_counter()
            try:
                outcome = str((await onehttp.arequest("GET", url)).status)
            except onehttp.TransferError as error:
                outcome = type(error).__name__
            found.latencies_ms.append((time.perf_counter() - asked) * 1000)
            found.outcomes[outcome] += 1

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    found.seconds = time.monotonic() - began
    return found
