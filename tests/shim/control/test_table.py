"""The table of `onehttp top` on terminals of any width, and what stands first in it."""

from __future__ import annotations

import pytest
from rich.console import Console

from onehttp.cli.table import table
from onehttp.control.merged import ConnectionTotals, Merged

LONG = "a-connection-with-a-name-of-38-characters"


def told(calls: dict[str, int]) -> Merged:
    lines = {}
    for name, count in calls.items():
        lines[name] = ConnectionTotals(name)
        lines[name].count.calls = count
    return Merged(1, lines, 0, 0, 0, (1,), 0.0, 0, {})


def shown(now: Merged, before: Merged | None, width: int) -> list[str]:
    console = Console(width=width)
    with console.capture() as caught:
        console.print(table(now, before, 1.0, width))
    return caught.get().splitlines()


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 120, 200])
def test_a_name_stands_in_as_few_lines_as_the_terminal_has_room_for(width: int) -> None:
    lines = shown(told({LONG: 7}), told({LONG: 0}), width)
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if line.startswith("│")]
    assert "".join(row.split("│")[1].strip() for row in rows) == LONG
    assert len(rows) <= (2 if width >= 40 else 3)
    assert "7.0" in rows[0]


def test_columns_are_left_out_by_what_matters_least() -> None:
    heads = [" ".join(shown(told({LONG: 7}), told({LONG: 0}), width)) for width in range(40, 180)]
    order = ["calls/s", "circuit", "p99", "in flight", "failed/s", "p50 ms", "p95", "again/s"]
    seen_from = [next(at for at, head in enumerate(heads) if name in head) for name in order]
    assert seen_from == sorted(seen_from)
    assert all(name in heads[-1] for name in (*order, "held back/s"))


def test_rates_are_sorted_by_calls_and_totals_by_name() -> None:
    before, now = told({"a": 5, "b": 0, "c": 0}), told({"a": 5, "b": 9, "c": 3})

    def names(lines: list[str]) -> list[str]:
        return [line.split("│")[1].strip() for line in lines if line.startswith("│")]

    assert names(shown(now, before, 120)) == ["b", "c", "a"]
    assert names(shown(now, None, 120)) == ["a", "b", "c"]
