"""POSTs by every way there is, under retry and failover: what servers have done of them is what
callers were told, and what is in doubt is so for a reason.

    PYTHONPATH=tests python -m soak.posts [COUNT] [--backend NAME] [--way WAY] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import trustme
from rich.console import Console
from rich.table import Table

import onehttp
from conftest import server_context
from servers.patience import PATIENCE_S
from servers.raw import RawServer
from soak.ledger import Ledger
from soak.post_servers import moody, reluctant_proxy, restarting

CALLERS = 6
"""Threads that block; as many tasks, and as many callbacks at a time."""
RETRY = {
    "attempts": 3,
    "backoff": {"base": 0.001, "max": 0.01},
    "errors": ["resolve", "connect", "tls", "timeout", "disconnected", "protocol"],
}
Connections: TypeAlias = "dict[str, dict[str, object]]"
Way: TypeAlias = "Callable[[Ledger, trustme.CA], contextlib.AbstractContextManager[Connections]]"


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """A URL whose connections are refused; no other process is given its port meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@contextlib.contextmanager
def direct(ledger: Ledger, _: trustme.CA) -> Iterator[Connections]:
    with RawServer(moody(ledger)) as one, RawServer(moody(ledger)) as other:
        yield {"api": {"url": one.url, "failover": "other"}, "other": {"url": other.url}}


@contextlib.contextmanager
def failed_over(ledger: Ledger, _: trustme.CA) -> Iterator[Connections]:
    with RawServer(moody(ledger)) as other, refusing() as dead:
        yield {"api": {"url": dead, "failover": "other"}, "other": {"url": other.url}}


@contextlib.contextmanager
def proxied(ledger: Ledger, _: trustme.CA) -> Iterator[Connections]:
    with RawServer(moody(ledger)) as proxy, RawServer(moody(ledger)) as other:
        api: dict[str, object] = {
            "url": "http://behind.example",
            "proxy": {"url": proxy.url},
            "failover": "other",
        }
        yield {"api": api, "other": {"url": other.url}}


@contextlib.contextmanager
def tunnelled(ledger: Ledger, authority: trustme.CA) -> Iterator[Connections]:
    context = server_context(authority, "127.0.0.1")
    with RawServer(moody(ledger), context) as origin, reluctant_proxy(origin.port) as proxy:
        other: dict[str, object] = {"url": origin.url}
        yield {"api": {**other, "proxy": {"url": proxy.url}, "failover": "other"}, "other": other}


@contextlib.contextmanager
def over_http2(ledger: Ledger, authority: trustme.CA) -> Iterator[Connections]:
    context = server_context(authority, "127.0.0.1", alpn="h2")
    with restarting(ledger, context) as one, restarting(ledger, context) as other:
        yield {"api": {"url": one.url, "failover": "other"}, "other": {"url": other.url}}


@contextlib.contextmanager
def redirected(ledger: Ledger, _: trustme.CA) -> Iterator[Connections]:
    with contextlib.ExitStack() as stack:
        behaviour = moody(ledger, onward=f"{stack.enter_context(refusing())}/done")
        one, other = (stack.enter_context(RawServer(behaviour)) for _ in range(2))
        api: dict[str, object] = {"url": one.url, "failover": "other", "redirects": 5}
        yield {"api": api, "other": {"url": other.url, "redirects": 5}}


WAYS: dict[str, Way] = {
    "direct": direct,
    "failover": failed_over,
    "proxy": proxied,
    "tunnel": tunnelled,
    "http2": over_http2,
    "redirect": redirected,
}


def post_all(way: str, count: int, backend: str) -> Ledger:
    """Make ``count`` POSTs that way, a third each by threads, tasks and callbacks."""
    ledger = Ledger()
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder, WAYS[way](ledger, authority) as connections:
        authority.cert_pem.write_to_path(str(Path(folder, "ca.pem")))
        usual = {"timeout": PATIENCE_S, "retry": RETRY, "tls": {"ca_file": f"{folder}/ca.pem"}}
        onehttp.init({"version": 1, "defaults": usual, "connections": connections}, backend=backend)
        try:
            _Callers(ledger, range(count)).run()
        finally:
            onehttp.shutdown()
    return ledger


class _Callers:
    """Those who take the numbers of requests, make them, and write down what they are told."""

    def __init__(self, ledger: Ledger, numbers: range) -> None:
        self._ledger = ledger
        self._api = onehttp.connection("api")
        self._numbers = iter(numbers)
        self._taking = threading.Lock()

    def run(self) -> None:
        threads = [threading.Thread(target=self._block) for _ in range(CALLERS)]
        threads.append(threading.Thread(target=lambda: asyncio.run(self._await_all())))
        threads += [threading.Thread(target=self._submit) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _next(self) -> int | None:
        with self._taking:
            return next(self._numbers, None)

    def _block(self) -> None:
        while (number := self._next()) is not None:
            try:
                self._ledger.tell(number, self._api.post(f"/{number}", body=b"pay=1"))
            except onehttp.TransferError as error:
                self._ledger.tell(number, error)

    async def _await_all(self) -> None:
        await asyncio.gather(*(self._await() for _ in range(CALLERS)))

    async def _await(self) -> None:
        while (number := self._next()) is not None:
            try:
                self._ledger.tell(number, await self._api.apost(f"/{number}", body=b"pay=1"))
            except onehttp.TransferError as error:
                self._ledger.tell(number, error)

    def _submit(self) -> None:
        ended = threading.Semaphore(0)
        while (number := self._next()) is not None:

            def route(result: onehttp.Result, number: int = number) -> None:
                outcome = result.response or result.error
                assert isinstance(outcome, (onehttp.Response, onehttp.TransferError))
                self._ledger.tell(number, outcome)
                ended.release()

            self._api.submit("POST", f"/{number}", body=b"pay=1", route=route)
            ended.acquire(timeout=2 * PATIENCE_S)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m soak.posts", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=10_000, help="of each way")
    parser.add_argument("--backend", default="pycurl")
    parser.add_argument("--way", choices=list(WAYS), action="append")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    report: dict[str, dict[str, object]] = {}
    for way in arguments.way or WAYS:
        began = time.monotonic()
        ledger = post_all(way, arguments.count, arguments.backend)
        report[way] = {
            "acted": ledger.acted.total(),
            "outcomes": ledger.outcomes(),
            "seconds": round(time.monotonic() - began, 1),
            "faults": ledger.faults(arguments.count),
        }
    if arguments.json:
        print(json.dumps(report, indent=1))
    else:
        _show(report, arguments.count)
    return 1 if any(row["faults"] for row in report.values()) else 0


def _show(report: dict[str, dict[str, object]], count: int) -> None:
    table = Table("way", "POSTs", "acted on", "told", "seconds", "faults")
    for way, row in report.items():
        outcomes, faults = row["outcomes"], row["faults"]
        assert isinstance(outcomes, dict)
        assert isinstance(faults, list)
        told = ", ".join(f"{number} {kind}" for kind, number in outcomes.items())
        cells = (row["acted"], told, row["seconds"], len(faults))
        table.add_row(way, str(count), *map(str, cells))
        for fault in faults[:20]:
            table.add_row("", "", "", fault)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
