"""One client in a process of its own, asked for the CPU of so many calls: both ends of that talk.

The answering end runs under interpreters that have the client and nothing else, so this imports
the standard library alone.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
Cases = Mapping[str, Callable[[int], Any]]
"""By name: what makes so many calls."""


class Contender:
    """The asking end."""

    def __init__(self, python: str, module: str, *arguments: str, packages: tuple[Path, ...] = ()):
        path = os.pathsep.join(map(str, (*packages, ROOT)))
        self._process = subprocess.Popen(
            [python, "-m", module, *arguments],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.cases: list[str] = json.loads(self._line())

    def cpu_us(self, case: str, count: int) -> float:
        """Microseconds of CPU a call, all threads."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([case, count]) + "\n")
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


def answer(cases: Cases, warm_up: int) -> None:
    """The answering end; each case runs ``warm_up`` calls before it is measured."""
    for run in cases.values():
        run(2 * warm_up)
    print(json.dumps(list(cases)), flush=True)
    for line in sys.stdin:
        case, count = json.loads(line)
        cases[case](warm_up)
        began = cpu_s()
        cases[case](count)
        print((cpu_s() - began) / count * 1e6, flush=True)


def cpu_s() -> float:
    """User and system time of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
