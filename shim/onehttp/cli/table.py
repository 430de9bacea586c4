"""The table of running processes: one line for each connection, summed over all processes."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from onehttp.control.merged import ConnectionTotals, Merged, between

if TYPE_CHECKING:
    from rich.table import Table

WIDTH: Final = 120
COLOURS: Final = {"closed": "green", "half-open": "yellow", "open": "red"}
COLUMNS: Final = (
    "in flight", "calls", "failed", "p50 ms", "p95", "p99", "again", "held back", "circuit",
)  # fmt: skip
DISPENSABLE: Final = (
    "held back",
    "again",
    "p95",
    "p50 ms",
    "failed",
    "in flight",
    "p99",
    "circuit",
)
"""What a narrow terminal has no room for, first of all the first."""
_RATES: Final = ("calls", "failed", "again", "held back")
_CELL: Final = 8
_FRAME: Final = 3
_NAME: Final = 24
"""As many characters of a name stand in one line, however narrow the terminal."""


def table(
    now: Merged, before: Merged | None = None, seconds: float = 0.0, width: int = WIDTH
) -> Table:
    """Return the rates since ``before``, which was ``seconds`` ago, the highest first; without it,
    the totals, by name. ``width`` is that of the terminal in characters."""
    from rich.table import Table

    lines = [now.lines[name] for name in sorted(now.lines)]
    if before is not None:
        lines = [between(line, before.lines.get(line.name)) for line in lines]
        lines.sort(key=lambda line: -line.count.calls)
    per_s = "/s" if before is not None else ""
    heads = {name: name + per_s if name in _RATES else name for name in COLUMNS}
    shown = _fitting(heads, max((len(line.name) for line in lines), default=0), width)
    made = Table(title=heading(now, before, seconds), title_justify="left", expand=False)
    made.add_column("connection", overflow="fold")
    for name in shown:
        made.add_column(heads[name], justify="left" if name == "circuit" else "right", no_wrap=True)
    for line in lines:
        cells = _cells(line, seconds if before is not None else 0.0)
        made.add_row((line.name or "(none)").replace("[", "\\["), *(cells[name] for name in shown))
    return made


def _fitting(heads: dict[str, str], longest: int, width: int) -> list[str]:
    """The columns that leave room for names."""
    shown = list(COLUMNS)
    taken = max(len("connection"), min(longest, _NAME)) + _FRAME + 1
    for name in DISPENSABLE:
        if taken + sum(max(_CELL, len(heads[each])) + _FRAME for each in shown) <= width:
            break
        shown.remove(name)
    return shown


def heading(now: Merged, before: Merged | None, seconds: float) -> str:
    """Return the line with the figures that belong to no connection."""
    opened = now.connections_opened - (before.connections_opened if before else 0)
    rate = f"{max(0, opened) / seconds:.1f}/s" if before is not None and seconds else f"{opened}"
    revision = " and ".join(map(str, now.revisions)) or "none"
    age = f"{time.time() - now.last_reload:.0f} s old" if now.last_reload else "never read"
    parts = [
        f"{now.processes} process{'es' if now.processes != 1 else ''}",
        f"{now.connections_open} connections open, {rate} opened",
        f"{now.queue} queries",
        f"revision {revision}, {age}",
    ]
    if now.legacy_calls:
        parts.append(f"{now.legacy_calls} legacy calls")
    return "onehttp: " + "; ".join(parts)


def printed(now: Merged) -> str:
    """Return the table as text."""
    from rich.console import Console

    console = Console(width=WIDTH)
    with console.capture() as caught:
        console.print(table(now))
    counters = [f"{name} {value}" for name, value in now.server_counters.items()]
    return "\n".join([caught.get().rstrip(), *counters])


def _cells(line: ConnectionTotals, seconds: float) -> dict[str, str]:
    def number(count: int) -> str:
        return f"{count / seconds:.1f}" if seconds else str(count)

    colour = COLOURS.get(line.circuit, "")
    failed = number(line.failures)
    cells = (
        str(line.in_flight),
        number(line.count.calls),
        f"[red]{failed}[/]" if line.failures else failed,
        *(_ms(line.count.percentile_s(percent)) for percent in (50, 95, 99)),
        number(line.resends),
        number(line.held_back),
        f"[{colour}]{line.circuit}[/]" if colour else line.circuit,
    )
    return dict(zip(COLUMNS, cells, strict=True))


def _ms(seconds: float) -> str:
    if not seconds:
        return ""
    return "long" if math.isinf(seconds) else f"{seconds * 1000:.3g}"
