"""What it costs to watch legacy calls, and how long a scan of a large project takes."""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

import onehttp
from benchmarks.measure import Row, cpu_us_per_call, interleaved
from benchmarks.nginx import Nginx
from onehttp_compat.calls.levels import Level
from onehttp_compat.calls.recording import CallRecorder
from onehttp_compat.ksr import Ksr
from onehttp_compat.migration.scanning import scan
from onehttp_compat.server import LegacyServer

FILES: Final = 1000
LINES: Final = 300
SCRIPTS: Final = 4
"""One file of so many makes legacy calls."""
LONGEST_S: Final = 60.0
_CALLING: Final = """
    def route_{number}(self, msg):
        user = KSR.pv.get("$rU")
        if KSR.http_client.query(URL + "/number/" + user, "$var(number)") != 200:
            KSR.sl.send_reply(503, "No number")
            return 1
        KSR.hdr.append("X-Number: %s\\r\\n" % KSR.pv.get("$var(number)"))
        return 1
"""
_OTHER: Final = _CALLING.replace("http_client.query", "htable.sht_setex")


def watching(nginx: Nginx, rounds: int) -> list[Row]:
    """Legacy calls on a kept connection, by what is done about them."""
    logging.getLogger("onehttp_compat").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore", onehttp.LegacyCallWarning)
    with tempfile.TemporaryDirectory() as folder:
        found = interleaved(
            {
                level: cpu_us_per_call(_caller(nginx, level, Path(folder, "legacy.jsonl")), 1000)
                for level in ("allow", "warn", "record")
            },
            rounds,
        )
    return [
        Row("a legacy call that was warned of, over one that is allowed", found["warn"],
            found["allow"], "us", "1.05", "1.0"),
        Row("a legacy call that is recorded, over the same", found["record"], found["allow"],
            "us", "1.10", "1.05"),
    ]  # fmt: skip


def scanning() -> list[Row]:
    """A scan of a project, one script in four files, on two processors."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(FILES):
            part = _OTHER if number % SCRIPTS else _CALLING
            Path(folder, f"script{number}.py").write_text(_source(part))
        started = time.perf_counter()
        done = scan([Path(folder)], processes=2)
        took_s = time.perf_counter() - started
    assert len(done.files) == FILES
    assert done.sites
    return [Row(f"a scan of {FILES:,} files of {LINES} lines, over {LONGEST_S:.0f} s", took_s,
                LONGEST_S, "s", "1.0", "0.33")]  # fmt: skip


def _caller(nginx: Nginx, level: Level, file: Path) -> Callable[[], object]:
    server = LegacyServer(reuse=True)
    server.warnings.levels.default = level
    server.warnings.recorder = CallRecorder(file)
    server.modparam("http_client", "httpcon", f"bench=>{nginx.plain}")
    server.start()
    ksr = Ksr(server)
    return lambda: ksr.http_client.curl_connect("bench", "/small", "$var(r)")


def _source(part: str) -> str:
    parts = [part.format(number=number) for number in range(LINES // part.count("\n"))]
    return "import KSR\n\nURL = 'http://h'\n\n\nclass Script:\n" + "".join(parts)
