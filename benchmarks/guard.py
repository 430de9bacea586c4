"""``python -m benchmarks.guard [BASE]``: is this checkout slower than BASE (HEAD unless given)?

Both revisions run in processes of their own, against one nginx, in turns, all on one processor
(`benchmarks.processors`); what is compared is the client's CPU of each turn with that of the turn
beside it. Says "slower by x %" only where the confidence interval of the median ratio lies above
1; exit status 0 in any case: a figure is to be looked at, not to fail a build.
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

CALLS = 1500
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


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """Median ratio and the bounds of its confidence interval (bootstrap, fixed seed)."""
    draw = random.Random(1).choices
    medians = sorted(statistics.median(draw(ratios, k=len(ratios))) for _ in range(DRAWS))
    tail = (1 - CONFIDENCE) / 2
    low, high = medians[math.floor(tail * DRAWS)], medians[math.ceil((1 - tail) * DRAWS) - 1]
    return statistics.median(ratios), low, high


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


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.guard", description=__doc__)
    parser.add_argument("base", nargs="?", default="HEAD", help="the revision to compare with")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--only", action="append", metavar="CASE", help="repeatable")
    options = parser.parse_args()
    with ExitStack() as stack:
        stack.enter_context(one_processor())
        nginx = stack.enter_context(running())
        base = _contender(stack.enter_context(checked_out(options.base)), nginx.plain)
        stack.callback(base.stop)
        head = _contender(ROOT, nginx.plain)
        stack.callback(head.stop)
        cases = [case for case in head.cases if case in base.cases]
        if options.only:
            cases = [case for case in cases if case in options.only]
        ratios: dict[str, list[float]] = {case: [] for case in cases}
        us: dict[str, dict[Contender, list[float]]] = {case: {base: [], head: []} for case in cases}
        for number in range(options.rounds):
            for case in cases:
                progress(f"round {number + 1}/{options.rounds}: {case}")
                # Who comes first takes turns, too: the second finds a warmer machine.
                pair = (base, head) if number % 2 else (head, base)
                found = {each: each.cpu_us(case, CALLS) for each in pair}
                ratios[case].append(found[head] / found[base])
                for each in pair:
                    us[case][each].append(found[each])
        progress("")
    print(f"{machine()}; this checkout over {options.base}, {options.rounds} rounds\n")
    print("| case | us | ratio | 95 % interval | ratio of the best rounds | |")
    print("|---|---|---|---|---|---|")
    for case in cases:
        median, low, high = interval(ratios[case])
        figure = statistics.median(us[case][head])
        best = min(us[case][head]) / min(us[case][base])
        print(f"| {case} | {figure:.1f} | {median:.3f} | {low:.3f} to {high:.3f} | {best:.3f} | "
              f"{verdict(low, high)} |")  # fmt: skip


if __name__ == "__main__":
    main()
