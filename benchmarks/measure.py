"""Measuring: client CPU per call, in interleaved rounds, and a table of ratios."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.contender import cpu_s

Run = Callable[[], float]
"""One round: does some work and returns its figure."""


@dataclass(frozen=True)
class Row:
    """A figure next to its baseline."""

    what: str
    figure: float
    baseline: float
    unit: str
    limit: str
    aim: str

    @property
    def ratio(self) -> float:
        return self.figure / self.baseline if self.baseline else float("nan")


def rss_kib() -> int:
    """Resident memory of this process."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def cpu_us_per_call(call: Callable[[], object], count: int) -> Run:
    """A round of ``count`` calls after a few to warm up."""

    def run() -> float:
        for _ in range(20):
            call()
        started = cpu_s()
        for _ in range(count):
            call()
        return (cpu_s() - started) / count * 1e6

    return run


def in_process(module: str, *arguments: object) -> Any:
    """What a module prints as JSON when it is run in a process of its own."""
    program = [sys.executable, "-m", module, *map(str, arguments)]
    return json.loads(subprocess.run(program, stdout=subprocess.PIPE, check=True).stdout)


def interleaved(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    """The median figure of each, measured in turn so that a busy machine hits all alike."""
    figures: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            progress(f"round {number + 1}/{rounds}: {name}")
            figures[name].append(run())
    progress("")
    return {name: statistics.median(values) for name, values in figures.items()}


def progress(text: str) -> None:
    """One line that overwrites itself, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def machine() -> str:
    """What the figures were measured on."""
    import os

    import pycurl

    model = "unknown CPU"
    with open("/proc/cpuinfo") as cpus:
        for line in cpus:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return (
        f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{pycurl.version.split()[0]} {pycurl.version.split()[1]}, "
        f"load average {os.getloadavg()[0]:.1f}"
    )


def table(rows: list[Row]) -> str:
    """A Markdown table."""
    lines = ["| what | figure | baseline | ratio | at most | aim |", "|---|---|---|---|---|---|"]
    lines.extend(
        f"| {row.what} | {row.figure:.1f} {row.unit} | {row.baseline:.1f} {row.unit} "
        f"| **{row.ratio:.2f}** | {row.limit} | {row.aim} |"
        for row in rows
    )
    return "\n".join(lines)
