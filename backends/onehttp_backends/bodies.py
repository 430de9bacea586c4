"""What the bytes of a body say, whatever a server claims of them."""

from __future__ import annotations

import codecs
import json
from typing import Final

_NOT_OF_TEXT: Final = frozenset(
    {"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
)
"""Codecs that Python has for other purposes, and no charset of RFC 9110 (8.3.2) is called."""


def decoded(body: bytes, content_type: str) -> str:
    """``body`` by the charset of its Content-Type, else UTF-8; what is not fit is replaced."""
    try:
        name = codecs.lookup(_charset(content_type)).name
        if name.replace("_", "-") not in _NOT_OF_TEXT:
            return body.decode(name, "replace")
    except (LookupError, ValueError):
        pass  # no such charset, or one that cannot replace
    return body.decode("utf-8", "replace")


def parsed(body: bytes) -> object:
    """``body`` as JSON.

    Raises:
        json.JSONDecodeError: it is none: wrong, nested too deeply, a number of too many digits,
            or not UTF-8 (-16, -32).
    """
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
