"""Suggestions for a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that is most like ``name``; None where none is much like it."""
    # Needed by errors only, and a tenth of what the import of all the rest takes.
    from difflib import get_close_matches

    found = get_close_matches(name, list(known), 1)
    return found[0] if found else None
