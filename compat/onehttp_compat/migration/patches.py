"""Patches, as ``git apply`` and ``patch -p1`` take them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Final

_line: Final = re.compile(r"[^\n]*\n|[^\n]+")


def lines_of(text: str) -> list[str]:
    """The lines of a file with their ends. A line ends with LF and nothing else: to
    ``str.splitlines`` a form feed ends one, too, and no tool that counts lines agrees."""
    return _line.findall(text)


def patch_of(path: str, before: Sequence[str], after: Sequence[str]) -> str:
    """What makes ``after`` of ``before``; empty where they are the same."""
    path = path.lstrip("/")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(before, after, f"a/{path}", f"b/{path}")
    )
