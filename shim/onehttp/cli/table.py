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
NUMBERS: Final = ("in flight", "calls", "failed", "p50 ms", "p95", "p99", "again", "held back")


def table(now: Merged, before: Merged | None = None, seconds: float = 0.0) -> Table:
    """Return the rates since ``before``, which was ``seconds`` ago; without it, the totals."""
    from rich.table import Table

    made = Table(title=heading(now, before, seconds), title_justify="left", expand=False)
    made.add_column("connection", overflow="fold")
    per_s = "/s" if before is not None else ""
    for name in NUMBERS:
        is_rate = name in ("calls", "failed", "again", "held back")
        made.add_column(name + per_s if is_rate else name, justify="right")
    made.add_column("circuit")
    for name in sorted(now.lines):
        line = now.lines[name]
        if before is not None:
            line = between(line, before.lines.get(name))
        made.add_row(*_cells(line, seconds if before is not None else 0.0))
    return made


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


def _cells(line: ConnectionTotals, seconds: float) -> list[str]:
    def number(count: int) -> str:
        return f"{count / seconds:.1f}" if seconds else str(count)

    colour = COLOURS.get(line.circuit, "")
    failed = number(line.failures)
    return [
        (line.name or "(none)").replace("[", "\\["),
        str(line.in_flight),
        number(line.count.calls),
        f"[red]{failed}[/]" if line.failures else failed,
        *(_ms(line.count.percentile_s(percent)) for percent in (50, 95, 99)),
        number(line.resends),
        number(line.held_back),
        f"[{colour}]{line.circuit}[/]" if colour else line.circuit,
    ]


def _ms(seconds: float) -> str:
    if not seconds:
        return ""
    return "long" if math.isinf(seconds) else f"{seconds * 1000:.3g}"
