"""The name of a suspended transaction, as the server knows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suspension:
    """Names one suspended transaction, in every process of the server."""

    index: int
    label: int


def signed32(number: int) -> int:
    """An unsigned number of 32 bits as ``KSR`` takes it."""
    return number - (1 << 32) if number >= 1 << 31 else number
