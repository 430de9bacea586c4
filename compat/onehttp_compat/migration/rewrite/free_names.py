"""Finds names for the variables of the new code."""

from __future__ import annotations

from collections.abc import Collection


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a name like this one that is not in use."""
    return name if name not in taken else free_name(f"http_{name}", taken)
