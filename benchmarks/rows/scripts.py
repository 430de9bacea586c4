"""What ``onehttp run`` costs beside the calls of its script, in CPU and memory; and its start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.measure import Row, Run, interleaved
from benchmarks.nginx import Nginx

MANY: Final = 100_000
FEW: Final = 10_000
MESSAGE_US: Final = 250.0
START_MS: Final = 600.0
SCRIPT: Final = """
import os
import KSR

URL = os.environ["URL"]


def ksr_request_route():
    KSR.http_client.query(URL, "$var(answer)")
    return 1
"""
CALLS: Final = """
import os, sys
import onehttp
from onehttp_compat.http_client import http_client_query
onehttp.init()
for _ in range(int(sys.argv[1])):
    http_client_query(os.environ["URL"], "$var(answer)")
"""
RUN: Final = """
import atexit, os
def tell_peak():
    with open("/proc/self/status") as status, open(os.environ["PEAK"], "w") as out:
        out.write(next(line.split()[1] for line in status if line.startswith("VmHWM")))
atexit.register(tell_peak)  # what `wait4` says may be the peak of its parent, from before `exec`
from onehttp.cli import main; main()
"""


class _Cost(NamedTuple):
    cpu_s: float
    peak_kib: int


def running(nginx: Nginx, rounds: int) -> list[Row]:
    """Messages through a script with one call each, and the way to a report for one message."""
    count = MANY if rounds > 3 else FEW
    with _script() as script:
        url = f"{nginx.plain}/small"
        started, calling_none = _run(script, url, 1), _calls(url, 0)
        messages, calls = _run(script, url, count), _calls(url, count)
        fewer = _run(script, url, count // 10)
        message_us = (messages.cpu_s - started.cpu_s) / count * 1e6
        call_us = (calls.cpu_s - calling_none.cpu_s) / count * 1e6
        starts = interleaved({"run": _reporting(script, url), "import": _importing()}, rounds)
    return [
        Row(f"a message of {count} through a script, beside its call",
            message_us - call_us, MESSAGE_US, "us", "1", ""),
        Row(f"peak memory after {count} messages, over {count // 10}",
            messages.peak_kib / 1024, fewer.peak_kib / 1024, "MiB", "1.1", ""),
        Row("a report for one message, over `import onehttp`",
            starts["run"] - starts["import"], START_MS, "ms", "1", ""),
    ]  # fmt: skip


@contextmanager
def _script() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.py"
        path.write_text(SCRIPT)
        yield path


def _run(script: Path, url: str, count: int) -> _Cost:
    return _cost(url, "-c", RUN, "run", str(script), "--json", "--repeat", str(count))


def _calls(url: str, count: int) -> _Cost:
    return _cost(url, "-W", "ignore", "-c", CALLS, str(count))


def _cost(url: str, *arguments: str) -> _Cost:
    """What a fresh interpreter takes, which finds the modules compiled to bytecode as users do."""
    with tempfile.NamedTemporaryFile() as peak:
        environment = {**os.environ, "URL": url, "PEAK": peak.name}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, arguments
        return _Cost(used.ru_utime + used.ru_stime, int(peak.read() or 0))


def _reporting(script: Path, url: str) -> Run:
    return lambda: _run(script, url, 1).cpu_s * 1000


def _importing() -> Run:
    return lambda: _cost("", "-c", "import onehttp").cpu_s * 1000
