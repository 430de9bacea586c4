"""The matrix of faults as a table: what may go wrong, by numbers that names of tests begin with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NOT_TESTED: Final[dict[int, str]] = {}
"""Rows without a test, and why. At most six, and none of the twenty hardest."""
ENGINE_ONLY: Final[dict[int, str]] = {
    6: "ten thousand calls on the engine, five hundred on the double",
    13: "libcurl's words for the system's; the double connects by asyncio, as any client does",
    15: "a thousand calls at once are what the engine is for",
    17: "the double tries addresses one after the other",
    20: "names are the engine's own; the double asks the system",
    51: "of a flood the double says 1 or 8, or 56, and may take it for a mistake of the request",
    56: "the double looks at the address once it has connected",
    67: "forks from any thread at any moment are of the engine; httpcore imports in each call",
    69: "httpcore imports in each call; a fork in that moment is Python's own fault",
    71: "the double's driver is a thread of its own, which no Ctrl-C reaches",
    96: "a hundred transactions on the double",
}
"""Rows of which the double is asked less than the engine, and why."""
NOTES: Final[dict[int, str]] = {
    42: "bytes beyond ASCII are read as Latin-1, NUL is refused, on both",
    52: "55 where the server closes at once",
    91: "free-threaded Python is not among the interpreters that CI runs",
    82: "500 reloads under four threads; a thousand in tests/shim/connections",
}
"""What is otherwise than the matrix has it, or smaller, and why."""
_row = re.compile(r"(\d+) ([*-]) (\w+) (.+)")
_name = re.compile(r"test_(\d+)_")


@dataclass(frozen=True, slots=True)
class Row:
    """One fault."""

    number: int
    is_hard: bool
    group: str
    fault: str


def rows() -> list[Row]:
    """All hundred."""
    lines = Path(__file__).with_name("rows.txt").read_text().splitlines()[1:]
    found = [match for line in lines if (match := _row.fullmatch(line))]
    return [Row(int(one[1]), one[2] == "*", one[3], one[4]) for one in found]


def row_of(test: str) -> int | None:
    """Which row a test is of, by its name or id; None: of none."""
    found = _name.search(test.rpartition("::")[2])
    return int(found[1]) if found else None
