"""Why a call is left as it is."""

from __future__ import annotations

from typing import Final

NESTED: Final = "another call that is to be replaced is among its arguments"


class NotSafeError(Exception):
    """A call that cannot be rewritten without knowing more; says what."""
