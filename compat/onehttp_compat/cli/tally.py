"""Counts and latencies of messages, in a fixed amount of memory for any number of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from onehttp_compat.script.outcome import MessageEnd, MessageOutcome

PERCENTILES: Final = (50, 95, 99)


class MessageTally:
    """Counts the outcomes of the messages of a run. The time of the run starts when this is made.

    Args:
        clock: a clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.ends: Counter[MessageEnd] = Counter()
        self.queries = 0
        self.failed_queries = 0
        """Queries without a response."""
        self.suspended = 0
        self.resumed = 0
        self.wall_s = 0.0
        self._times: Counter[str] = Counter()
        """Seconds, rounded to three digits, so there are at most some thousand different ones."""
        self.longest_s = 0.0
        """The longest time, in seconds."""
        self._clock = clock
        self._started = clock()

    def add(self, outcome: MessageOutcome) -> None:
        """Count a message."""
        self.ends[outcome.end] += 1
        self.queries += len(outcome.queries)
        self.failed_queries += sum(not query.has_response for query in outcome.queries)
        self.suspended += outcome.suspended
        self.resumed += outcome.resumed
        self._times[f"{outcome.time_s:.3g}"] += 1
        self.longest_s = max(self.longest_s, outcome.time_s)
        self.wall_s = self._clock() - self._started

    @property
    def count(self) -> int:
        """The number of messages."""
        return sum(self.ends.values())

    @property
    def per_second(self) -> float:
        """Messages per second of the whole run."""
        return self.count / self.wall_s if self.wall_s else 0.0

    def percentile_s(self, percent: float) -> float:
        """The latency, in seconds and to three digits, that ``percent`` of the messages did not
        exceed."""
        left = -(-self.count * percent // 100)  # rounded up
        for time_s, count in sorted((float(text), count) for text, count in self._times.items()):
            left -= count
            if left <= 0:
                return time_s
        return 0.0
