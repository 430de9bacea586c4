"""What importing costs, by the wall clock, in fresh interpreters."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.measure import Row, Run, interleaved


def importing(rounds: int) -> list[Row]:
    """``import onehttp`` over ``import pycurl``; the bare interpreter is taken off both."""
    found = interleaved(
        {name: _wall_ms(code) for name, code in
         (("bare", "pass"), ("floor", "import pycurl"), ("onehttp", "import onehttp"))},
        rounds * 3,
    )  # fmt: skip
    return [Row("`import onehttp`, over `import pycurl`", found["onehttp"] - found["bare"],
                found["floor"] - found["bare"], "ms", "1.5", "1.2")]  # fmt: skip


def _wall_ms(code: str) -> Run:
    def run() -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return (time.perf_counter() - started) * 1000

    return run
