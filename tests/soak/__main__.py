"""Everything at once for a while: threads that block, event loops, queries with routes, suspended
transactions and tasks on one engine, against servers that answer, dawdle, close and reset.

Every call must end, and the accounts must add up: submitted = completed + failed + cancelled,
suspended = resumed + gone, one final reply for each transaction.

    PYTHONPATH=tests python -m soak [SECONDS] [--backend NAME] [--json]
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import logging
import sys
import threading
import time
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import onehttp
from servers.raw import RawServer
from soak.account import Account
from soak.load import HANG_S, Load, moody

BLOCKING_THREADS = 8
LOOPS = 2
LIMITS = onehttp.QueryLimits(
    workers=4,
    queue_length=216,
    when_full="wait",
    wait_s=0.2,
    max_in_flight=96,
    max_in_flight_per_origin=64,
)


def soak(seconds: float, backend: str, as_json: bool) -> int:
    """Run it; 1 when something was lost."""
    onehttp.init(backend=backend, queries=LIMITS)
    queries = onehttp.api.process.runtime.queries  # type: ignore[union-attr]
    # Routes that raise are part of it, thousands of tracebacks are not.
    logging.getLogger("onehttp").addHandler(logging.NullHandler())
    logging.getLogger("onehttp").propagate = False
    faulthandler.dump_traceback_later(seconds + 2 * HANG_S, exit=True)
    account = Account()
    console = Console(stderr=True)
    with RawServer(moody) as one, RawServer(moody) as other:
        load = Load((one.url, other.url), account, time.monotonic() + seconds)
        threads = load.threads(BLOCKING_THREADS, LOOPS)
        for thread in threads:
            thread.start()
        watch(load, seconds, f"soaking {backend}", console)
        for thread in threads:
            thread.join(max(0.0, load.end + HANG_S - time.monotonic()))
        # Transactions that are gone leave their queries behind.
        while onehttp.query_stats().open and time.monotonic() < load.end + HANG_S:
            time.sleep(0.05)
        engine_stats = onehttp.stats()
        report = onehttp.shutdown()
    faults = account.close(queries.stats(), engine_stats)
    faults += [f"hangs: {thread.name}" for thread in threads if thread.is_alive()]
    if as_json:
        print(json.dumps(summary(account, queries.stats(), engine_stats, faults), indent=1))
    else:
        show(account, queries.stats(), engine_stats, report, faults)
    return 1 if faults else 0


def watch(load: Load, seconds: float, title: str, console: Console) -> None:
    """A bar that moves until the time is over."""
    columns = (
        TextColumn(title),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[ended]} calls, {task.fields[rate]}/s, {task.fields[open]} open"),
    )
    stop = threading.Event()
    ended = 0
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=seconds, ended=0, rate=0, open=0)
        while (left := load.end - time.monotonic()) > 0:
            stop.wait(min(0.5, left))
            before, ended = ended, load.account.ended.total()
            progress.update(
                bar,
                completed=seconds - max(0.0, load.end - time.monotonic()),
                ended=ended,
                rate=int((ended - before) / 0.5),
                open=onehttp.query_stats().open,
            )


def summary(
    account: Account, queries: onehttp.QueryStats, engine: onehttp.Stats, faults: list[str]
) -> dict[str, object]:
    """For machines."""
    return {
        "started": dict(account.started),
        "outcomes": {f"{kind}: {name}": n for (kind, name), n in account.outcomes.items()},
        "queries": asdict(queries),
        "engine": asdict(engine),
        "faults": faults,
    }


def show(
    account: Account,
    queries: onehttp.QueryStats,
    engine: onehttp.Stats,
    report: onehttp.ShutdownReport,
    faults: list[str],
) -> None:
    """For people: what was called, what became of it, whether it adds up."""
    console = Console()
    calls = Table("kind", "started", "ended", "outcomes")
    for kind, number in sorted(account.started.items()):
        outcomes = sorted(
            ((n, name) for (of, name), n in account.outcomes.items() if of == kind), reverse=True
        )
        what = ", ".join(f"{n} {name}" for n, name in outcomes)
        calls.add_row(kind, str(number), str(account.ended[kind]), what)
    console.print(calls)
    sums = Table("", "in", "out")
    sums.add_row(
        "queries",
        f"{queries.submitted} submitted",
        f"{queries.completed} completed, {queries.failed} failed, {queries.cancelled} cancelled",
    )
    sums.add_row(
        "transactions",
        f"{queries.suspended} suspended",
        f"{queries.resumed} resumed, {queries.gone} gone",
    )
    sums.add_row(
        "routes",
        f"{queries.routes_run} run",
        f"{queries.routes_failed} failed, {queries.routes_not_run} not run",
    )
    sums.add_row(
        f"engine ({engine.backend})",
        f"{engine.transfers} transfers",
        f"{engine.completed} completed, {engine.failed} failed, {engine.cancelled} cancelled",
    )
    console.print(sums)
    console.print(f"shutdown: {report}", highlight=False)
    for fault in faults[:20]:
        console.print(f"[red]LOST[/red] {fault}")
    console.print("every call ended, everything adds up" if not faults else f"{len(faults)} faults")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seconds", nargs="?", type=float, default=300.0)
    parser.add_argument("--backend", default="pycurl")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    sys.exit(soak(chosen.seconds, chosen.backend, chosen.json))
