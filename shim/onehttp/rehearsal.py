"""What a test puts in the place of the engine and the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from onehttp.policies.clock import Clock
from onehttp.settings import Settings
from onehttp_backends.contract import Backend


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What `init` makes in a test, whatever it is asked for."""

    engine: Callable[[Settings], Callable[[], Backend]]
    """What makes the engine, of the settings asked for."""
    clock: Clock | None = None
    """What policies go by; None: real time."""
