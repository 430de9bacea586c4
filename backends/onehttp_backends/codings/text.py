"""Bodies as text and as JSON."""

from __future__ import annotations

import codecs
from typing import Final

_NOT_OF_TEXT: Final = frozenset(
    {"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
)
"""Codecs of Python that are not charsets of text (RFC 9110, 8.3.2)."""


def decoded(body: bytes, content_type: str) -> str:
    """``body`` decoded by the charset of its Content-Type, else UTF-8. Bytes that do not fit become
    U+FFFD."""
    return body.decode(text_codec(content_type), "replace")


def text_codec(content_type: str) -> str:
    """Python's codec for the charset that a Content-Type names, else UTF-8."""
    try:
        name = codecs.lookup(_charset(content_type)).name
        if name.replace("_", "-") not in _NOT_OF_TEXT:
            b"\0".decode(name, "replace")
            return name
    except (LookupError, ValueError):
        pass  # no such charset, or one that cannot replace
    return "utf-8"


def parsed(body: bytes) -> object:
    """``body`` as JSON.

    Raises:
        json.JSONDecodeError: malformed, nested too deeply, a number of too many digits, or not
            UTF-8, UTF-16 or UTF-32.
    """
    import json

    try:
        return json.loads(body)
    except json.JSONDecodeError:
        raise
    except UnicodeDecodeError as error:
        text = body.decode(error.encoding, "replace")
        raise json.JSONDecodeError(
            f"not {error.encoding}: {error.reason}", text, error.start
        ) from None
    except (RecursionError, ValueError) as error:
        text = body.decode("utf-8", "replace")
        raise json.JSONDecodeError(str(error), text, 0) from None


def _charset(content_type: str) -> str:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"') or "utf-8"
    return "utf-8"
