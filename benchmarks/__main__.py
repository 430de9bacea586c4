"""``python -m benchmarks``: prints the tables of docs/performance.md for this machine.

The last of them is of other clients (``make bench-peers`` has them installed), and says where
onehttp is first.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from contextlib import nullcontext

import onehttp
from benchmarks import page
from benchmarks.baselines import HEADER
from benchmarks.measure import Row, machine, table
from benchmarks.nginx import Nginx, running
from benchmarks.peers.measuring import measured as measured_peers
from benchmarks.peers.tables import tables
from benchmarks.processors import one_processor
from benchmarks.rows import (
    calls,
    connections,
    crowds,
    double,
    durable,
    identity,
    imports,
    migration,
    observed,
    policies,
    queries,
    scripts,
    streams,
    xcap,
)

PARTS = (
    "calls",
    "legacy",
    "large",
    "streams",
    "threads",
    "asyncio",
    "crowd",
    "h2",
    "queries",
    "suspended",
    "durable",
    "scripts",
    "connections",
    "reload",
    "policies",
    "observed",
    "identity",
    "xcap",
    "double",
    "import",
    "migration",
    "scan",
)
OF_ALL_PROCESSORS = frozenset({"threads", "suspended", "durable", "reload", "scan"})
"""Parts that measure what comes of several: throughput, and how long somebody waits."""
OF_MANY_AT_ONCE = frozenset({"xcap"})
"""Parts of one thread with many requests in flight: see `before_all_else`."""
PEERS = "peers"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", choices=(*PARTS, PEERS), action="append", help="repeatable")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"into {page.PAGE.name}, too")
    options = parser.parse_args()
    wanted = options.only or (*PARTS, PEERS)
    rounds = 3 if options.quick else 9
    beside_peers = ""
    rows: list[Row] = []
    for part in PARTS:
        if part in wanted:
            spread, is_first = part in OF_ALL_PROCESSORS, part in OF_MANY_AT_ONCE
            with nullcontext() if spread else one_processor(), running(is_first) as nginx:
                rows += measured(part, nginx, rounds)
    if PEERS in wanted:
        with one_processor(), running() as nginx:
            beside_peers = tables(measured_peers(f"{nginx.plain}/small", rounds))
    if options.json:
        print(json.dumps([{**dataclasses.asdict(row), "ratio": row.ratio} for row in rows]))
        return
    print(f"\n{machine()}\n\n{table(rows)}\n\n{beside_peers}")
    if options.write:
        page.write(rows=rows if set(wanted) >= set(PARTS) else [], beside_peers=beside_peers)


def measured(part: str, nginx: Nginx, rounds: int) -> list[Row]:
    """The rows of one part, on an engine of their own."""
    plain = {"url": nginx.plain, "headers": dict([HEADER])}
    named = {"bench": plain, "policed": {**plain, **policies.POLICIES}}
    onehttp.init(connections={"version": 1, "connections": named})
    try:
        return {
            "calls": lambda: calls.uncontended(nginx, rounds),
            "legacy": lambda: calls.legacy(nginx, rounds),
            "large": lambda: calls.large_bodies(nginx, rounds),
            "streams": lambda: streams.streaming(max(3, rounds // 2)),
            "threads": lambda: calls.threads(nginx, rounds),
            "asyncio": lambda: crowds.asyncio_crowds(nginx, max(3, rounds // 2)),
            "crowd": lambda: crowds.ten_thousand(nginx),
            "h2": lambda: crowds.one_http2_connection(nginx),
            "queries": lambda: queries.submitting(nginx, max(3, rounds // 2)),
            "suspended": lambda: [
                *queries.suspending(nginx),
                *queries.slow_route(nginx, max(3, rounds // 2)),
            ],
            "durable": lambda: durable.queueing(nginx),
            "scripts": lambda: scripts.running(nginx, rounds),
            "connections": lambda: [
                *connections.named(nginx, rounds),
                *connections.loading(rounds),
            ],
            "reload": lambda: connections.reloading(nginx, rounds),
            "policies": lambda: policies.not_acting(rounds),
            "observed": lambda: observed.observing(rounds),
            "xcap": lambda: xcap.refreshing(nginx, max(3, rounds // 2)),
            "identity": lambda: identity.verifying(rounds),
            "double": lambda: double.in_process(rounds),
            "import": lambda: imports.importing(rounds),
            "migration": lambda: migration.watching(nginx, rounds),
            "scan": migration.scanning,
        }[part]()
    finally:
        onehttp.shutdown()


if __name__ == "__main__":
    main()
