"""What came of the tests of each row, on the engine and on the double."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

import pytest
from rich.progress import Progress
from rich.table import Table

from faults.report.rows import ENGINE_ONLY, NOT_TESTED, NOTES, row_of, rows

ENGINE, DOUBLE = "engine", "double"
_NO: Final = "-"


class Results:
    """A plugin of pytest's: counts outcomes by row and engine, and moves a bar."""

    def __init__(self, progress: Progress) -> None:
        self.counts: defaultdict[tuple[int, str], Counter[str]] = defaultdict(Counter)
        self.failed: list[str] = []
        self.skipped: Counter[str] = Counter()
        self._progress = progress
        self._task = progress.add_task("", total=None)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._progress.update(self._task, total=len(ids))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if session.items:
            self._progress.update(self._task, total=len(session.items))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        number = row_of(report.nodeid)
        is_over = report.when == "call" or (report.when == "setup" and not report.passed)
        if is_over:
            name = report.nodeid.rpartition("::")[2]
            self._progress.update(self._task, advance=1, description=name[:60])
        if report.failed:
            self.failed.append(report.nodeid)
        if report.skipped and isinstance(report.longrepr, tuple):
            self.skipped[str(report.longrepr[2]).removeprefix("Skipped: ")] += 1
        if number is not None and (is_over or report.failed):
            kind = DOUBLE if "httpx" in report.nodeid.partition("[")[2] else ENGINE
            self.counts[number, kind][report.outcome] += 1

    def cell(self, number: int, kind: str) -> str:
        """What is said of a row and an engine."""
        counts = self.counts.get((number, kind))
        if not counts:
            return _NO
        return ", ".join(f"{counts[what]} {what}" for what in sorted(counts, reverse=True))

    def verdict(self, number: int) -> str:
        """Of a row: what has passed, failed, or was not run."""
        both = [self.counts.get((number, kind), Counter()) for kind in (ENGINE, DOUBLE)]
        if any(counts["failed"] for counts in both):
            return "FAILED"
        if any(counts["passed"] for counts in both):
            return "passed"
        return "not run"

    def summary(self, seconds: float) -> str:
        """In one paragraph."""
        verdicts = Counter(self.verdict(row.number) for row in rows())
        tests = sum(counts.total() for counts in self.counts.values())
        told = ", ".join(f"{count} {what}" for what, count in sorted(verdicts.items()))
        skips = "; ".join(f"{count} x {why}" for why, count in sorted(self.skipped.items()))
        return (
            f"100 rows: {told}. {tests} tests in {seconds:.0f} s."
            + (f" Skipped here: {skips}." if skips else "")
        )  # fmt: skip


def note(number: int) -> str:
    """Why a row is otherwise than the matrix has it; empty where it is not."""
    notes = [table.get(number, "") for table in (NOT_TESTED, ENGINE_ONLY, NOTES)]
    return "; ".join(each for each in notes if each)


def table(results: Results) -> Table:
    """For people."""
    made = Table("row", "fault", ENGINE, DOUBLE, "result")
    for row in rows():
        number = f"{row.number}{' H' if row.is_hard else ''}"
        verdict = results.verdict(row.number)
        style = {"FAILED": "red", "not run": "yellow"}.get(verdict, "")
        cells = [results.cell(row.number, kind) for kind in (ENGINE, DOUBLE)]
        made.add_row(number, f"{row.group}: {row.fault}", *cells, verdict, style=style)
    return made


def markdown(results: Results, seconds: float) -> str:
    """For the page."""
    lines = [
        results.summary(seconds),
        "",
        "| row | group | fault | engine | double | result | note |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows():
        number = f"{row.number}{' H' if row.is_hard else ''}"
        cells = [results.cell(row.number, kind) for kind in (ENGINE, DOUBLE)]
        fault = row.fault.replace("|", "\\|")
        parts = [number, row.group, fault, *cells, results.verdict(row.number), note(row.number)]
        lines.append(f"| {' | '.join(parts)} |")
    return "\n".join(lines)
