"""One legacy call, as those who watch are told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from onehttp_compat.registry import LegacyFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyCall:
    """One legacy call, for those who watch."""

    function: LegacyFunction
    name: str
    """As the script wrote it: ``http_query``, ``KSR.http_client.query``."""
    file: str
    line: int
    url: str
    """As given; may hold secrets."""
    code: int
    result_bytes: int | None
    time_s: float


Observer: TypeAlias = Callable[[LegacyCall], None]
