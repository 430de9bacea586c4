"""Limits of queries: how many may be open, on the wire, and on the wire to one origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from onehttp.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLimits:
    """Limits of the queries of one process; 0 = no limit (but for ``workers``, at least 1).

    Raises:
        ConfigurationError: a value that is not a number, or too low.
    """

    workers: int = 4
    """Threads that run routes, started as they are needed."""
    queue_length: int = 10_000
    """Most queries whose route has not begun: waiting, in flight, or answered."""
    when_full: Literal["refuse", "wait"] = "refuse"
    """Whether `submit` raises `QueueFullError` at once or waits for room first. It never waits in
    the thread of an event loop."""
    wait_s: float = 1.0
    """How long `submit` waits for room, in seconds."""
    max_in_flight: int = 0
    """The largest number of transfers; further queries wait, while their time limits run."""
    max_in_flight_per_origin: int = 0
    """The largest number of transfers for each origin (scheme, host and port)."""

    def __post_init__(self) -> None:
        for name in ("queue_length", "max_in_flight", "max_in_flight_per_origin"):
            _check(name, getattr(self, name), lowest=0)
        _check("workers", self.workers, lowest=1)
        _check("wait_s", self.wait_s, lowest=0, kinds=(int, float))
        if self.when_full not in ("refuse", "wait"):
            raise ConfigurationError(
                f"expected 'refuse' or 'wait', got {self.when_full!r}", key="queries.when_full"
            )

    @property
    def limits_transfers(self) -> bool:
        """Whether queries may have to wait for a slot on the wire."""
        return bool(self.max_in_flight or self.max_in_flight_per_origin)


MOST: Final = 2**31 - 1
"""The largest number of seconds or permits that every platform supports."""


def _check(name: str, value: object, lowest: int, kinds: tuple[type, ...] = (int,)) -> None:
    number: Any = value
    if type(number) not in kinds or not lowest <= number <= MOST:
        kind = "number" if float in kinds else "whole number"
        raise ConfigurationError(
            f"expected a {kind} from {lowest} on, got {value!r}", key=f"queries.{name}"
        )
