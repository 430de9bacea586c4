"""Removes the indentation of expressions of several lines."""

from __future__ import annotations

import io
import tokenize


def without_indent(code: str, indent: str) -> str:
    """Return an expression without the indentation of its block. Its first line has none."""
    lines = code.splitlines(keepends=True) if indent else []
    if len(lines) < 2:
        return code
    kept = _within_texts(code)
    for number in range(1, len(lines)):
        if number + 1 not in kept:
            lines[number] = lines[number].removeprefix(indent)
    return "".join(lines)


def _within_texts(code: str) -> set[int]:
    """The lines that begin inside a literal, whose leading blanks belong to the literal."""
    tokens = tokenize.generate_tokens(io.StringIO(f"({code})").readline)
    return {
        number
        for token in tokens
        if token.start[0] < token.end[0] and token.string.strip()
        for number in range(token.start[0] + 1, token.end[0] + 1)
    }
