"""Which extra brings a library that is not installed."""

from __future__ import annotations


def brought_by(extra: str) -> str:
    """How to get it, right wherever this library came from."""
    return f"the extra {extra!r} brings it (in a clone: pip install '.[{extra}]')"
