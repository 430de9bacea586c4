"""Decides whether the entity tag of a server can be stored and sent back."""

from __future__ import annotations

import re
from typing import Final

MAX_CHARACTERS: Final = 128
"""The width of the column ``etag``."""

NO_ETAG: Final = ""
"""The value of the column for a document without an entity tag, which is fetched
unconditionally."""

# Unquoted ones are wrong (RFC 9110, 8.8.3), but sent. A comma would make a list of one, and a
# bare "*" would match whatever the server has.
_usable = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"|[\x21\x23-\x29\x2b\x2d-\x7e]+').fullmatch


def usable_etag(text: str | None) -> str | None:
    """Return the tag with its quotes; None if there is none, or if it must not be sent back."""
    if text is None:
        return None
    if not _usable(text):
        text = text.strip(" \t")
        if not _usable(text):
            return None
    return text if len(text) <= MAX_CHARACTERS else None
