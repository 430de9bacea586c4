"""The reason why a call is not rewritten."""

from __future__ import annotations

from typing import Final

NESTED: Final = "another call that is to be replaced is among its arguments"


class NotSafeError(Exception):
    """A call cannot be rewritten without more knowledge. The message names what is missing."""
