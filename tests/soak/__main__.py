"""Everything at once for a while: threads that block, event loops, queries with routes, suspended
transactions and tasks, bodies read and sent piece by piece, on one engine, against servers that
answer, dawdle, close and reset; and meanwhile reloads, forks, signals, dead names, loops that end
with transfers, a frozen server.

Every call must end, and the accounts must add up: sent = finished, submitted = completed + failed
+ cancelled, suspended = resumed + gone, one final reply for each transaction. Memory and
descriptors must not grow once it is warm.

    PYTHONPATH=tests python -m soak [MINUTES] [--backend NAME] [--json] [--write]
"""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import gc
import json
import logging
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

import onehttp
from soak.account import Account
from soak.apart import Apart
from soak.load import HANG_S, Load
from soak.outcome import Outcome, Resources
from soak.streaming import Readers
from soak.trouble import Trouble
from stand_ins.page import put

BLOCKING_THREADS = 8
LOOPS = 2
WARM = 0.2
"""Of the time, after which nothing may grow any more."""
ARENAS = "MALLOC_ARENA_MAX"
"""With more than one, what lies free in each says how threads have taken turns: +8 % in minutes,
while what is in use goes down."""
MOST_GROWTH = 2.0
"""Of memory, in percent."""
MORE_DESCRIPTORS = 64
"""How many more may be open than when it was warm: connections come and go."""
LIMITS = onehttp.QueryLimits(
    workers=4,
    queue_length=216,
    when_full="wait",
    wait_s=0.2,
    max_in_flight=96,
    max_in_flight_per_origin=64,
)


def soak(seconds: float, backend: str) -> Outcome:
    """Run it."""
    # Routes that raise and tasks that are left are part of it, thousands of tracebacks are not.
    for name in ("onehttp", "asyncio"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    faulthandler.dump_traceback_later(seconds + 3 * HANG_S, exit=True)
    account = Account()
    folder = tempfile.TemporaryDirectory()
    with folder, Apart("moody", "moody") as servers, Apart("keep_answering") as frozen:
        trouble = Trouble(account, servers.urls, frozen, Path(folder.name))
        onehttp.init(trouble.file, backend=backend, queries=LIMITS)
        queries = onehttp.api.process.runtime.queries  # type: ignore[union-attr]
        load = Load(servers.urls, account, time.monotonic() + seconds)
        threads = load.threads(BLOCKING_THREADS, LOOPS) + Readers(load).threads()
        trouble.start()
        for thread in threads:
            thread.start()
        warm = watch(load, seconds, f"soaking {backend}")
        for thread in threads:
            thread.join(max(0.0, load.end + HANG_S - time.monotonic()))
        hanging = [thread.name for thread in threads if thread.is_alive()] + trouble.stop()
        # Transactions that are gone, and loops that have ended, leave their queries behind.
        while _is_under_way() and time.monotonic() < load.end + HANG_S:
            time.sleep(0.05)
        end = resources(settles=True)
        engine = onehttp.stats()
        report = onehttp.shutdown()
    faults = account.close(queries.stats(), engine)
    faults += [f"hangs: {name}" for name in hanging]
    outcome = Outcome(
        seconds, account, queries.stats(), engine, report, warm, end, trouble.beats, faults
    )
    if outcome.growth > MOST_GROWTH:
        faults.append(f"memory has grown by {outcome.growth:.1f} %")
    if end.descriptors > warm.descriptors + MORE_DESCRIPTORS:
        faults.append(f"descriptors: {warm.descriptors}, and then {end.descriptors}")
    return outcome


def _is_under_way() -> bool:
    return bool(onehttp.query_stats().open or onehttp.stats().in_flight)


def resources(settles: bool = False) -> Resources:
    """What this process has now; once ``settles``, without what the allocator only holds."""
    gc.collect()
    held_kib = resident_kib()
    if settles:
        ctypes.CDLL(None).malloc_trim(0)
    return Resources(resident_kib(), held_kib, len(os.listdir("/proc/self/fd")))


def resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def watch(load: Load, seconds: float, title: str) -> Resources:
    """A line that moves until the time is over; what there was when it was warm."""
    columns = (
        TextColumn(title),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn(
            "{task.fields[sent]} sent, {task.fields[ended]} finished, {task.fields[rate]}/s, "
            "{task.fields[memory]} MiB, {task.fields[descriptors]} descriptors"
        ),
    )
    stop = threading.Event()
    account, ended = load.account, 0
    warm: Resources | None = None
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=seconds, sent=0, ended=0, rate=0, memory=0, descriptors=0)
        while (left := load.end - time.monotonic()) > 0:
            stop.wait(min(1.0, left))
            done = seconds - max(0.0, load.end - time.monotonic())
            is_warm = warm is None and done >= WARM * seconds
            before, ended, now = ended, account.ended.total(), resources(settles=is_warm)
            if is_warm:
                warm = now
            progress.update(
                bar,
                completed=done,
                sent=account.started.total(),
                ended=ended,
                rate=ended - before,
                memory=now.memory_kib // 1024,
                descriptors=now.descriptors,
            )
    return warm or resources(settles=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("minutes", nargs="?", type=float, default=5.0)
    parser.add_argument("--backend", default="pycurl")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put it into the page")
    chosen = parser.parse_args()
    if not os.environ.get(ARENAS):  # read by malloc before Python runs
        os.execve(
            sys.executable,
            [sys.executable, "-m", "soak", *sys.argv[1:]],
            {**os.environ, ARENAS: "1"},
        )
    outcome = soak(chosen.minutes * 60, chosen.backend)
    if chosen.json:
        print(json.dumps(outcome.summary(), indent=1))
    else:
        outcome.show()
    if chosen.write:
        put("soak", outcome.markdown())
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
