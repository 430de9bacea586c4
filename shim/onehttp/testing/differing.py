"""How two values differ, line by line, for the report of a test."""

from __future__ import annotations

import json
from pprint import pformat


def differing(what: str, expected: object, found: object) -> str:
    """Both values with their differing lines marked: ``-`` expected, ``+`` found."""
    from difflib import ndiff

    lines = [line for line in ndiff(_lines(expected), _lines(found)) if not line.startswith("?")]
    return "\n".join([f"{what} differs (- expected, + found):", *(f"  {line}" for line in lines)])


def indented(text: str) -> str:
    """``text`` two columns to the right."""
    return "\n".join(f"  {line}" for line in text.splitlines())


def _lines(value: object) -> list[str]:
    if isinstance(value, str):
        return value.splitlines()
    try:
        return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).splitlines()
    except (TypeError, ValueError):
        return pformat(value).splitlines()
