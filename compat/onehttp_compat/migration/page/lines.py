"""Compares a statement before and after a rewrite, line by line."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a comparison."""

    kind: Literal["same", "old", "new"]
    text: str


def compared(before: str, after: str) -> tuple[DiffLine, ...]:
    """Return the lines of both; for each change the old ones come first."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[DiffLine] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            lines += [DiffLine("same", text) for text in old[a:b]]
        else:
            lines += [DiffLine("old", text) for text in old[a:b]]
            lines += [DiffLine("new", text) for text in new[c:d]]
    return tuple(lines)
