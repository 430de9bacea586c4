"""What importing costs, by the wall clock, in fresh interpreters."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.measure import Row, Run, interleaved


def importing(rounds: int) -> list[Row]:
    """Alone and with its first name, over ``import pycurl``; the bare interpreter is taken off."""
    programs = {
        "bare": "pass",
        "pycurl": "import pycurl",
        "onehttp": "import onehttp",
        "names": "import onehttp; onehttp.request",
    }
    found = interleaved({name: _wall_ms(code) for name, code in programs.items()}, rounds * 3)
    bare = found.pop("bare")
    pycurl, alone, named = (found[name] - bare for name in ("pycurl", "onehttp", "names"))
    return [
        Row("`import onehttp`, over `import pycurl`", alone, pycurl, "ms", "1.5", "1.2"),
        Row("the same with its first name, `onehttp.request`", named, pycurl, "ms", "", ""),
    ]


def _wall_ms(code: str) -> Run:
    def run() -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return (time.perf_counter() - started) * 1000

    return run
