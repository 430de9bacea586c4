"""What came of a soak, for people, for machines, and for docs/reliability.md."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

import onehttp
from soak.account import Account


@dataclass(frozen=True, slots=True)
class Resources:
    """What the process has."""

    memory_kib: int
    held_kib: int
    """With what the allocator has not given back to the system."""
    descriptors: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that is to be told."""

    seconds: float
    account: Account
    queries: onehttp.QueryStats
    engine: onehttp.Stats
    report: onehttp.ShutdownReport
    warm: Resources
    """When a fifth of the time was over."""
    end: Resources
    signals: int
    faults: list[str]

    @property
    def sent(self) -> int:
        return self.account.started.total()

    @property
    def finished(self) -> int:
        return self.account.ended.total()

    @property
    def growth(self) -> float:
        """Of memory since it was warm, in percent."""
        return 100 * (self.end.memory_kib / self.warm.memory_kib - 1)

    def lines(self) -> list[str]:
        """What is asked of a soak."""
        return [
            f"{self.seconds / 60:g} minutes on {self.engine.backend}, its servers apart",
            f"{self.sent} sent, {self.finished} finished, {self.sent - self.finished} stuck",
            f"memory {self.warm.memory_kib / 1024:.1f} MiB when warm, "
            f"{self.end.memory_kib / 1024:.1f} MiB at the end ({self.growth:+.1f} %); with what "
            f"the allocator holds {self.warm.held_kib / 1024:.1f} and "
            f"{self.end.held_kib / 1024:.1f} MiB",
            f"descriptors {self.warm.descriptors} when warm, {self.end.descriptors} at the end",
            f"{self.signals} signals handled meanwhile",
            *(self.faults[:20] or ["nothing lost: every account adds up"]),
        ]

    def summary(self) -> dict[str, object]:
        """For machines."""
        outcomes = self.account.outcomes.items()
        return {
            "started": dict(self.account.started),
            "outcomes": {f"{kind}: {name}": n for (kind, name), n in outcomes},
            "queries": asdict(self.queries),
            "engine": asdict(self.engine),
            "warm": asdict(self.warm),
            "end": asdict(self.end),
            "faults": self.faults,
        }

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Of each kind of call: how many, and what became of them."""
        account = self.account
        found = []
        for kind, number in sorted(account.started.items()):
            outcomes = sorted(
                ((n, name) for (of, name), n in account.outcomes.items() if of == kind),
                reverse=True,
            )
            told = ", ".join(f"{n} {name}" for n, name in outcomes)
            found.append((kind, str(number), str(account.ended[kind]), told))
        return found

    def show(self) -> None:
        """For people."""
        console = Console()
        calls = Table("kind", "started", "ended", "outcomes")
        for row in self.rows():
            calls.add_row(*row)
        console.print(calls)
        sums = Table("", "in", "out")
        queries, engine = self.queries, self.engine
        sums.add_row("queries", f"{queries.submitted} submitted", _ends(queries))
        sums.add_row(
            "transactions",
            f"{queries.suspended} suspended",
            f"{queries.resumed} resumed, {queries.gone} gone",
        )
        sums.add_row(
            "routes",
            f"{queries.routes_run} run",
            f"{queries.routes_failed} failed, {queries.routes_not_run} not run",
        )
        sums.add_row(f"engine ({engine.backend})", f"{engine.transfers} transfers", _ends(engine))
        console.print(sums)
        console.print(f"shutdown: {self.report}", highlight=False)
        for line in self.lines():
            console.print(line, style="red" if line in self.faults else None, highlight=False)

    def markdown(self) -> str:
        """For the page."""
        lines = [f"- {line}" for line in self.lines()]
        lines += ["", "| kind | started | ended | outcomes |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in self.rows()]
        return "\n".join(lines)


def _ends(stats: onehttp.QueryStats | onehttp.Stats) -> str:
    return f"{stats.completed} completed, {stats.failed} failed, {stats.cancelled} cancelled"
