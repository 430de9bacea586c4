"""Repeating an attempt: which failures are worth it, what may be repeated, how long to wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

ErrorKind: TypeAlias = Literal["resolve", "connect", "tls", "timeout", "disconnected", "protocol"]
DEFAULT_STATUSES: Final = (429, 502, 503, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """What is repeated. The wait is exponential with full jitter."""

    attempts: int = 3
    """In all, the first one included."""
    backoff_base_s: float = 0.1
    backoff_max_s: float = 2.0
    statuses: frozenset[int] = frozenset(DEFAULT_STATUSES)
    errors: tuple[ErrorKind, ...] = ("resolve", "connect", "timeout", "disconnected")
    honours_retry_after: bool = True
