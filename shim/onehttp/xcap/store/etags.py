"""Entity tags as servers send them, and whether one may be kept and sent back."""

from __future__ import annotations

import re
from typing import Final

MAX_CHARACTERS: Final = 128
"""Width of the column ``etag``."""

NO_ETAG: Final = ""
"""What the column holds for a document that came without one: it is asked for unconditionally."""

# Unquoted ones are wrong (RFC 9110, 8.8.3), but sent. A comma would make a list of one, and a
# bare "*" would match whatever the server has.
_usable = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"|[\x21\x23-\x29\x2b\x2d-\x7e]+').fullmatch


def usable_etag(text: str | None) -> str | None:
    """The tag, quotes kept; None where there is none, or one that must not be sent back."""
    if text is None:
        return None
    if not _usable(text):
        text = text.strip(" \t")
        if not _usable(text):
            return None
    return text if len(text) <= MAX_CHARACTERS else None
