"""``python -m benchmarks.guard [BASE]``: is this checkout slower than BASE (HEAD unless given)?

Both revisions run in processes of their own, against one nginx, in turns; what is compared is the
client's CPU of each turn with that of the turn beside it. Says "slower by x %" only where the
confidence interval of the median ratio lies above 1; exit status 0 in any case: a figure is to
be looked at, not to fail a build.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.measure import machine, progress
from benchmarks.nginx import running

ROOT = Path(__file__).resolve().parents[1]
CALLS = 1500
DRAWS = 2000
CONFIDENCE = 0.95
PACKAGES = ("shim", "backends", "compat")


class Contender:
    """One revision in a process of its own: asked for the CPU of so many calls of a case."""

    def __init__(self, tree: Path, url: str) -> None:
        path = os.pathsep.join(str(tree / package) for package in PACKAGES)
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("guarded.py")), url],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.cases: list[str] = json.loads(self._line())

    def cpu_us(self, case: str) -> float:
        """Microseconds of CPU a call, all threads."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([case, CALLS]) + "\n")
        self._process.stdin.flush()
        return float(self._line())

    def stop(self) -> None:
        """Let it end."""
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a contender has died; its error stands above")
        return line


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


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.guard", description=__doc__)
    parser.add_argument("base", nargs="?", default="HEAD", help="the revision to compare with")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--only", action="append", metavar="CASE", help="repeatable")
    options = parser.parse_args()
    with ExitStack() as stack:
        nginx = stack.enter_context(running())
        base = Contender(stack.enter_context(checked_out(options.base)), nginx.plain)
        stack.callback(base.stop)
        head = Contender(ROOT, nginx.plain)
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
                found = {each: each.cpu_us(case) for each in pair}
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
