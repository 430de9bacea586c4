"""``python -m benchmarks.guard [BASE]``: is this checkout slower than BASE (HEAD unless given)?

Both revisions run in processes of their own, against one nginx, in turns, all on one processor
(`benchmarks.processors`); what is compared is the client's CPU of each turn with that of the turn
beside it. One process is up to 3 % slower than another of the same code, by where its memory comes
to lie, so they are begun anew several times. Says "slower by x %" only where the confidence
interval of the ratio lies above 1; exit status 0 in any case: a figure is to be looked at, not to
fail a build.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.contender import ROOT, Contender
from benchmarks.measure import machine, progress
from benchmarks.nginx import running
from benchmarks.processors import one_processor

CALLS = 500
DRAWS = 2000
CONFIDENCE = 0.95
PACKAGES = ("shim", "backends", "compat")


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """A revision in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "base"
        archive = subprocess.run(
            ["git", "-C", str(ROOT), "archive", revision, *PACKAGES],
            check=True,
            capture_output=True,
        )
        tree.mkdir()
        subprocess.run(["tar", "-x", "-C", str(tree)], input=archive.stdout, check=True)
        yield tree


def interval(ratios: list[list[float]]) -> tuple[float, float, float]:
    """The mean of what each pair of processes came to, the median of its ratios, and the bounds of
    its confidence interval (bootstrap of pairs and of their rounds, fixed seed)."""
    draw = random.Random(1).choices
    means = sorted(
        statistics.mean(
            statistics.median(draw(pair, k=len(pair))) for pair in draw(ratios, k=len(ratios))
        )
        for _ in range(DRAWS)
    )
    tail = (1 - CONFIDENCE) / 2
    low, high = means[math.floor(tail * DRAWS)], means[math.ceil((1 - tail) * DRAWS) - 1]
    return statistics.mean(map(statistics.median, ratios)), low, high


def verdict(low: float, high: float) -> str:
    """What the interval says."""
    if low > 1:
        return f"slower by {100 * (low - 1):.1f} to {100 * (high - 1):.1f} %"
    if high < 1:
        return f"faster by {100 * (1 - high):.1f} to {100 * (1 - low):.1f} %"
    return ""


def _contender(tree: Path, url: str) -> Contender:
    packages = tuple(tree / package for package in PACKAGES)
    return Contender(sys.executable, "benchmarks.guarded", url, packages=packages)


class Found:
    """What was measured of one case: microseconds of each revision, a list for each process."""

    def __init__(self) -> None:
        self.base: list[list[float]] = []
        self.head: list[list[float]] = []

    def row(self, case: str) -> str:
        """A row of the table."""
        mean, low, high = interval(
            [
                [ours / theirs for ours, theirs in zip(head, base, strict=True)]
                for head, base in zip(self.head, self.base, strict=True)
            ]
        )
        us = [statistics.mean(map(statistics.median, each)) for each in (self.base, self.head)]
        return (
            f"| {case} | {us[0]:.1f} | {us[1]:.1f} | {mean:.3f} | {low:.3f} to {high:.3f} | "
            f"{verdict(low, high)} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.guard", description=__doc__)
    parser.add_argument("base", nargs="?", default="HEAD", help="the revision to compare with")
    parser.add_argument("--processes", type=int, default=7, help="of each revision")
    parser.add_argument("--rounds", type=int, default=7, help="of each of them")
    parser.add_argument("--only", action="append", metavar="CASE", help="repeatable")
    options = parser.parse_args()
    found: dict[str, Found] = {}
    with one_processor(), running() as nginx, checked_out(options.base) as tree:
        for number in range(options.processes):
            progress(f"process {number + 1}/{options.processes}")
            with ExitStack() as stack:
                base, head = _contender(tree, nginx.plain), _contender(ROOT, nginx.plain)
                stack.callback(base.stop)
                stack.callback(head.stop)
                for case in head.cases:
                    if case in base.cases and case in (options.only or head.cases):
                        _measure(case, base, head, options.rounds, found.setdefault(case, Found()))
    progress("")
    print(
        f"{machine()}; this checkout over {options.base}, "
        f"{options.rounds} rounds of {options.processes} processes each\n"
    )
    print("| case | us before | us now | ratio | 95 % interval | |")
    print("|---|---|---|---|---|---|")
    for case, each in found.items():
        print(each.row(case))


def _measure(case: str, base: Contender, head: Contender, rounds: int, found: Found) -> None:
    us: dict[Contender, list[float]] = {base: [], head: []}
    for number in range(rounds):
        # Who comes first takes turns, too: the second finds a warmer machine.
        for each in (base, head) if number % 2 else (head, base):
            us[each].append(each.cpu_us(case, CALLS))
    found.base.append(us[base])
    found.head.append(us[head])


if __name__ == "__main__":
    main()
