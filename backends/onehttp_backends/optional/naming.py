"""How names become addresses: the optional part of a backend behind `Naming`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class NameLimits:
    """How long an address is used, and how many names may be asked for at once."""

    cache_s: float = 60.0
    """An address is used for so long, at least 1 s, before its name is asked for again. The
    system's resolver does not tell how long a name server wants it kept."""
    stale_s: float = 3600.0
    """After that it serves for so much longer while no name server answers; 0 = it does not."""
    in_flight: int = 256
    """Names looked up at once, each in a thread that lasts as long; further ones wait."""


@runtime_checkable
class Naming(Protocol):
    """A backend that looks names up by itself."""

    def limit_names(self, limits: NameLimits) -> None:
        """Put ``limits`` in force and forget every address, so that names are asked for anew."""
