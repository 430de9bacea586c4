"""Why a call is left as it is."""

from __future__ import annotations


class NotSafeError(Exception):
    """A call that cannot be rewritten without knowing more; says what."""
