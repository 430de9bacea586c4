"""Text that callers give as a subclass of str, such as a member of an enumeration."""

from __future__ import annotations


def plain_text(text: str) -> str:
    """The text itself. Formatted, a member of an enumeration would be its name in the code, on some
    versions of Python and not on others."""
    return text if type(text) is str else str.__str__(text)
