"""Named connections: a call on one, a large file, and a reload beside calls in flight."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import yaml

import onehttp
from benchmarks.baselines import HEADER
from benchmarks.measure import Row, Run, cpu_us_per_call, interleaved, progress
from benchmarks.nginx import Nginx
from onehttp.connections.file.load import load_connections

CONNECTIONS = 1000
IN_FLIGHT = 64

_CONNECTION = """\
  team{number}:
    url: {url}
    headers: {{X-Team: team{number}, X-Round: "{value}", Accept: application/json}}
    timeout: {{total: 3.5, connect: 0.5}}
    tls: {{verify_peer: true, min_version: "1.2"}}
    redirects: 3
    max_body: 1000000
    keepalive: {{idle: 30, interval: 10}}
    http_version: auto
    content_type: application/json
"""


def named(nginx: Nginx, rounds: int) -> list[Row]:
    """A call on a named connection, next to one with the same URL and headers."""
    url, headers = f"{nginx.plain}/small", (HEADER,)
    connection = onehttp.connection("bench")
    found = interleaved(
        {
            "request": cpu_us_per_call(lambda: onehttp.request("GET", url, headers=headers), 1000),
            "connection": cpu_us_per_call(lambda: connection.get("/small"), 1000),
        },
        rounds,
    )
    return [Row("a call on a named connection without policies, over `request`",
                found["connection"], found["request"], "us", "1.05", "1.0")]  # fmt: skip


def loading(rounds: int) -> list[Row]:
    """A file of 1,000 connections; the baseline reads its YAML and checks nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "connections.yaml"
        path.write_text(_file("https://host.example/api", changed=0))
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        found = interleaved(
            {
                "load": _milliseconds(lambda: load_connections(path)),
                "yaml": _milliseconds(lambda: yaml.load(path.read_text(), loader)),
            },
            rounds,
        )
    return [Row(f"load and validate {CONNECTIONS:,} connections, over `yaml.load` alone",
                found["load"], found["yaml"], "ms", "1500 ms", "500 ms")]  # fmt: skip


def reloading(nginx: Nginx, rounds: int) -> list[Row]:
    """1,000 connections, 10 of them changed, while 64 threads wait for late answers."""
    if not nginx.can_hold:
        progress("no echo module for nginx: nothing can be held back")
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "connections.yaml"
        path.write_text(_file(nginx.plain, changed=0))
        onehttp.reload(path)
        changes = iter(range(1, 1000))

        def reload() -> None:
            path.write_text(_file(nginx.plain, changed=next(changes)))
            assert len(onehttp.reload().changed) == 10

        found = interleaved(
            {"alone": _longest_ms(lambda: None), "beside": _longest_ms(reload)}, rounds
        )
    added_ms = max(0.0, found["beside"] - found["alone"])
    return [Row("reload of 1,000 connections, 10 changed: longest of 64 calls, over none reloaded",
                found["beside"], found["alone"], "ms",
                "+20 ms", f"+5 ms (is +{added_ms:.1f} ms)")]  # fmt: skip


def _file(url: str, changed: int) -> str:
    """The text of a file; ten connections carry the number of the change."""
    each = (
        _CONNECTION.format(number=number, url=url, value=changed if number < 10 else 0)
        for number in range(CONNECTIONS)
    )
    return f"version: 1\ndefaults: {{timeout: 2.0}}\nconnections:\n{''.join(each)}"


def _milliseconds(work: Callable[[], object]) -> Run:
    def run() -> float:
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) * 1e3

    return run


def _longest_ms(beside: Callable[[], object]) -> Run:
    """The longest of 64 threads' late calls, four each, with ``beside`` going on."""

    def run() -> float:
        get = onehttp.connection("team500").get
        taken: list[float] = []
        ready = threading.Barrier(IN_FLIGHT + 1)

        def call() -> None:
            get("/late")
            ready.wait()
            for _ in range(4):
                started = time.perf_counter()
                get("/late")
                taken.append((time.perf_counter() - started) * 1e3)

        threads = [threading.Thread(target=call) for _ in range(IN_FLIGHT)]
        for thread in threads:
            thread.start()
        ready.wait()
        beside()
        for thread in threads:
            thread.join()
        return max(taken)

    return run
