"""The circuit breaker: calls to a server that fails are refused until it had time to recover."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a circuit opens, and how it closes again."""

    failures: int = 5
    """In a row."""
    open_s: float = 10.0
    trials: int = 1
    """Attempts let through after that time; all must succeed for the circuit to close."""
