"""Writes patches for ``git apply`` and ``patch -p1``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Final

_line: Final = re.compile(r"[^\n]*\n|[^\n]+")


def lines_of(text: str) -> list[str]:
    """Split a file into lines with their ends. Only LF ends a line. ``str.splitlines`` also splits
    at form feeds, unlike all tools that count lines."""
    return _line.findall(text)


def patch_of(path: str, before: Sequence[str], after: Sequence[str]) -> str:
    """Return the patch from ``before`` to ``after``; empty if they are equal."""
    path = path.lstrip("/")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(before, after, f"a/{path}", f"b/{path}")
    )
