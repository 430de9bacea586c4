"""Where limits and circuits are counted together, and what holds while they cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from onehttp_backends.secret_values import HoldsSecrets

MISSING: Final = "shared limits need a client of Redis: pip install 'onehttp[fleet]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPolicy(HoldsSecrets):
    """One server, and how it is asked. Processes whose URL and namespace are the same count
    together."""

    url: str
    """``redis://`` or ``rediss://host[:port][/database]``, without credentials."""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    budget_s: float = 0.002
    """The longest that a call waits for an answer."""
    on_failure: Literal["local", "refuse"] = "local"
    """What becomes of a call that gets none: this process counts alone, or it is refused."""
    lease_s: float = 10.0
    """After so long the places of a process that has ended without giving them back are free."""
    namespace: str = "onehttp"
    """Before the names of all keys."""


def is_installed() -> bool:
    """Whether there is a client."""
    from importlib.util import find_spec

    return find_spec("redis") is not None
