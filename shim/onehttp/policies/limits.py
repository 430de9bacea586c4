"""Limits: how many attempts at once, and how many in a second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsPolicy:
    """What is limited; None: not limited."""

    concurrent: int | None = None
    per_second: float | None = None
    burst: int = 1
    """Attempts at once within ``per_second``."""
    wait_s: float | None = None
    """How long a call may wait for its turn; 0: refused at once, None: as long as it has time."""
