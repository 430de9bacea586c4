"""What policies cost that are configured and need not act."""

from __future__ import annotations

import onehttp
from benchmarks.measure import Row, cpu_us_per_call, interleaved

POLICIES = {
    "retry": 3,
    "circuit_breaker": 5,
    "limits": {"concurrent": 64, "per_second": 1e6, "burst": 1_000_000},
}


def not_acting(rounds: int) -> list[Row]:
    """The same call with and without; both on a kept connection."""
    plain, policed = onehttp.connection("bench").get, onehttp.connection("policed").get
    found = interleaved(
        {
            "plain": cpu_us_per_call(lambda: plain("/small"), 1000),
            "policed": cpu_us_per_call(lambda: policed("/small"), 1000),
        },
        rounds,
    )
    return [
        Row("a call with retry, circuit breaker and limits that need not act, over one without",
            found["policed"], found["plain"], "us", "1.15", "1.05"),
    ]  # fmt: skip
