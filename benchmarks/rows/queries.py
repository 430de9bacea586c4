"""Queries with routes: what `submit` costs, how many transactions wait, what a slow route does."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable

import onehttp
from benchmarks import baselines
from benchmarks.contender import cpu_s
from benchmarks.measure import Row, Run, in_process, interleaved, rss_kib
from benchmarks.nginx import Nginx

WIDTH = 512
COUNT = 8000
WIDTH_OF_LATE = 4000
COUNT_OF_LATE = 20_000
SUSPENDED = 10_000
PROBES = 400
SLOW_ROUTE_S = 1.0
PATIENT = onehttp.Timeout(30, 10)


class Suspended:
    """The smallest transaction there is."""

    def suspend(self) -> object:
        return self

    def resume(
        self,
        token: object,
        route: Callable[[onehttp.Result], object] | None,
        result: onehttp.Result,
    ) -> bool:
        if route is not None:
            route(result)
        return True

    def cancel_suspend(self, token: object) -> None:
        raise AssertionError("nothing is refused here")


class Crowd:
    """``count`` queries with a trivial route, ``width`` of them under way."""

    def __init__(self, url: str, count: int, width: int, is_suspended: bool = False) -> None:
        self._url = url
        self._count = count
        self._room = threading.Semaphore(width)
        self._transaction = Suspended() if is_suspended else None

    def run(self) -> None:
        with onehttp.transaction(self._transaction):
            for _ in range(self._count):
                self._room.acquire()
                onehttp.submit("GET", self._url, route=self._answered, timeout=PATIENT)
        while onehttp.query_stats().open:
            time.sleep(0.001)

    def _answered(self, result: onehttp.Result) -> None:
        assert result.ok, result.error
        self._room.release()


def submitting(nginx: Nginx, rounds: int) -> list[Row]:
    """What one query costs, 512 in flight."""
    url = f"{nginx.plain}/small"
    found = interleaved(
        {
            "submit": _cpu_us(lambda count: Crowd(url, count, WIDTH).run()),
            "raw": _cpu_us(lambda count: baselines.RawMulti(url, WIDTH)(count)),
            "aiohttp": _cpu_us(
                lambda count: asyncio.run(baselines.with_aiohttp_tasks(url, count, WIDTH))
            ),
        },
        rounds,
    )
    ours = found["submit"]
    return [
        Row("`submit` with a route, 512 in flight, over a raw CurlMulti", ours, found["raw"],
            "us", "1.5", "1.2"),
        Row("the same over aiohttp with a callback task", ours, found["aiohttp"],
            "us", "0.55", "0.40"),
    ]  # fmt: skip


def suspending(nginx: Nginx) -> list[Row]:
    """Transactions that wait for a backend: how many at once, and what one takes up."""
    if not nginx.can_hold:
        print("skipping suspended transactions: nginx has no echo module (libnginx-mod-http-echo)")
        return []
    late = f"{nginx.plain}/late"
    Crowd(late, WIDTH_OF_LATE, WIDTH_OF_LATE, is_suspended=True).run()
    started = time.perf_counter()
    Crowd(late, COUNT_OF_LATE, WIDTH_OF_LATE, is_suspended=True).run()
    suspended = COUNT_OF_LATE / (time.perf_counter() - started)
    started = time.perf_counter()
    for _ in range(10):
        onehttp.request("GET", late)
    one_by_one = 10 / (time.perf_counter() - started)
    hold = f"{nginx.plain}/hold"
    with_transaction, transfer_alone = (
        statistics.median(in_process("benchmarks.rows.queries", kind, hold) for _ in range(3))
        for kind in ("suspended", "transfer")
    )
    return [
        Row("backend that takes 200 ms: queries/s with suspended transactions, over one caller",
            suspended, one_by_one, "/s", "(>=) 500", "2000"),
        Row("10,000 suspended: memory of one beyond its transfer, over 1 KiB",
            with_transaction - transfer_alone, 1, "KiB", "4", "2"),
    ]  # fmt: skip


def slow_route(nginx: Nginx, rounds: int) -> list[Row]:
    """What a route that sleeps does to the answers of other queries."""
    url = f"{nginx.plain}/small"
    found = interleaved(
        {
            "alone": lambda: _p99_ms(url),
            "beside a slow route": lambda: _p99_beside_slow_route_ms(url),
        },
        rounds,
    )
    added_ms = max(0.0, found["beside a slow route"] - found["alone"])
    return [
        Row("p99 of other queries added by a route that sleeps 1 s, over 1 ms",
            added_ms, 1, "ms", "5", "1"),
    ]  # fmt: skip


def _cpu_us(run_crowd: Callable[[int], object]) -> Run:
    def run() -> float:
        run_crowd(WIDTH)
        started = cpu_s()
        run_crowd(COUNT)
        return (cpu_s() - started) / COUNT * 1e6

    return run


def _p99_beside_slow_route_ms(url: str) -> float:
    has_begun = threading.Event()

    def slow(result: onehttp.Result) -> None:
        has_begun.set()
        time.sleep(SLOW_ROUTE_S)

    query = onehttp.submit("GET", url, route=slow)
    has_begun.wait()
    p99_ms = _p99_ms(url)
    while query.state is not onehttp.QueryState.ENDED:
        time.sleep(0.01)
    return p99_ms


def _telling(has_run: threading.Event) -> Callable[[onehttp.Result], None]:
    return lambda _: has_run.set()


def _p99_ms(url: str) -> float:
    """From `submit` to the route, one query after the other."""
    took_ms = []
    for _ in range(PROBES):
        has_run = threading.Event()
        started = time.perf_counter()
        onehttp.submit("GET", url, route=_telling(has_run))
        has_run.wait()
        took_ms.append((time.perf_counter() - started) * 1000)
    return statistics.quantiles(took_ms, n=100)[98]


def _kib_of_one(kind: str, url: str) -> float:
    """Memory of one of 10,000 in flight: all of a suspended query, or its bare transfer."""
    limits = onehttp.QueryLimits(queue_length=2 * SUSPENDED)
    onehttp.init(queries=limits)
    onehttp.request("GET", url.replace("/hold", "/small"))
    before_kib = rss_kib()
    answered: list[object] = []
    if kind == "suspended":
        with onehttp.transaction(Suspended()):
            for _ in range(SUSPENDED):
                onehttp.submit("GET", url, route=answered.append, timeout=PATIENT)
    else:
        engine = onehttp.backend()
        options = onehttp.TransferOptions(total_timeout_s=30, connect_timeout_s=10)
        for _ in range(SUSPENDED):
            engine.submit(onehttp.Request("GET", url, options=options), answered.append)
    peak_kib = 0
    while len(answered) < SUSPENDED:
        if not answered:
            peak_kib = max(peak_kib, rss_kib())
        time.sleep(0.05)
    return (peak_kib - before_kib) / SUSPENDED


if __name__ == "__main__":
    print(json.dumps(_kib_of_one(sys.argv[1], sys.argv[2])))
