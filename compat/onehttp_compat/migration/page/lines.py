"""Compares a statement before and after a rewrite, line by line."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a comparison."""

    kind: Literal["same", "old", "new"]
    text: str


def compared(before: str, after: str) -> tuple[Line, ...]:
    """Return the lines of both; for each change the old ones come first."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[Line] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            lines += [Line("same", text) for text in old[a:b]]
        else:
            lines += [Line("old", text) for text in old[a:b]]
            lines += [Line("new", text) for text in new[c:d]]
    return tuple(lines)
