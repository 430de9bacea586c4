"""`Naming`: limits of a backend that looks host names up by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class NameLimits:
    """How long addresses are used, and how many lookups may run at once."""

    cache_s: float = 60.0
    """Seconds for which an address is used before its name is looked up again, at least 1. The
    system's resolver does not report the time to live that the name server gave."""
    stale_s: float = 3600.0
    """Further seconds for which it is used while no name server answers; 0 = none."""
    in_flight: int = 256
    """Most lookups at once, each in a thread of its own; further names wait."""


@runtime_checkable
class Naming(Protocol):
    """A backend that looks host names up by itself."""

    def limit_names(self, limits: NameLimits) -> None:
        """Put ``limits`` in force and forget all addresses, so that names are looked up again."""
