"""Blocking calls: alone, from 32 threads, with large bodies, and through the legacy functions."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable

import onehttp
from benchmarks.baselines import HEADER, bare_easy, raw_easy
from benchmarks.measure import Row, Run, cpu_us_per_call, interleaved, rss_kib
from benchmarks.nginx import Nginx

MANY_CALLS = 100_000


def uncontended(nginx: Nginx, rounds: int) -> list[Row]:
    """One caller, kept connection, 100 bytes."""
    url, headers = f"{nginx.plain}/small", (HEADER,)
    connection = onehttp.connection("bench")
    found = interleaved(
        {
            "bare": cpu_us_per_call(bare_easy(url), 1000),
            "raw": cpu_us_per_call(raw_easy(url), 1000),
            "url": cpu_us_per_call(lambda: onehttp.request("GET", url), 1000),
            "headers": cpu_us_per_call(
                lambda: onehttp.request("GET", url, headers=headers, timeout=5.0), 1000
            ),
            "connection": cpu_us_per_call(lambda: connection.get("/small"), 1000),
        },
        rounds,
    )
    bare = found["bare"]
    return [
        Row("an easy handle reset and set for each call, over a bare one", found["raw"], bare,
            "us", "", ""),
        Row("`request(url)`, over a bare easy handle", found["url"], bare, "us", "1.6", "1.3"),
        Row("`request(url, headers, timeout)`, over the same", found["headers"], bare,
            "us", "1.7", "1.4"),
        Row("named connection, one header, over the same", found["connection"], bare,
            "us", "1.6", "1.3"),
    ]  # fmt: skip


def large_bodies(nginx: Nginx, rounds: int) -> list[Row]:
    """1 MiB answers."""
    url, headers = f"{nginx.plain}/large", (HEADER,)
    found = interleaved(
        {
            "raw": cpu_us_per_call(raw_easy(url), 100),
            "request": cpu_us_per_call(lambda: onehttp.request("GET", url, headers=headers), 100),
        },
        rounds,
    )
    return [Row("1 MiB bodies, over a raw easy handle", found["request"], found["raw"],
                "us/MiB", "1.10", "1.02")]  # fmt: skip


def threads(nginx: Nginx, rounds: int) -> list[Row]:
    """32 threads; the ratio is of throughput, so more is better."""
    url, headers = f"{nginx.plain}/small", (HEADER,)
    found = interleaved(
        {
            "raw": _throughput(lambda: raw_easy(url)),
            "request": _throughput(lambda: lambda: onehttp.request("GET", url, headers=headers)),
        },
        rounds,
    )
    return [Row("32 threads, throughput over 32 raw easy handles", found["request"],
                found["raw"], "calls/s", "(>=) 0.9", "1.0")]  # fmt: skip


def legacy(nginx: Nginx, rounds: int) -> list[Row]:
    """The legacy functions on a kept connection, warnings included."""
    from onehttp_compat.ksr import Ksr
    from onehttp_compat.server import LegacyServer

    logging.getLogger("onehttp_compat").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore", onehttp.LegacyCallWarning)
    server = LegacyServer(reuse=True)
    server.modparam("http_client", "httpcon", f"bench=>{nginx.plain}")
    server.start()
    ksr = Ksr(server)
    found = interleaved(
        {
            "bare": cpu_us_per_call(bare_easy(f"{nginx.plain}/small"), 1000),
            "curl_connect": cpu_us_per_call(
                lambda: ksr.http_client.curl_connect("bench", "/small", "$var(r)"), 1000
            ),
            "query": cpu_us_per_call(
                lambda: ksr.http_client.query(f"{nginx.plain}/small", "$var(r)"), 1000
            ),
            "http_connect": cpu_us_per_call(
                lambda: server.call("http_connect", ("bench", "/small", "$var(r)")), 1000
            ),
        },
        rounds,
    )
    before_kib = rss_kib()
    for number in range(MANY_CALLS):
        ksr.http_client.curl_connect("bench", f"/small?{number}", "$var(r)")
    grown_kib = rss_kib() - before_kib
    return [
        Row(f"{MANY_CALLS:,} legacy calls: memory after, over before", before_kib + grown_kib,
            before_kib, "KiB", "1.0", "1.0"),
        Row("`KSR.http_client.query`, kept, over a bare easy handle",
            found["query"], found["bare"], "us", "2.0", "1.6"),
        Row("`KSR.http_client.curl_connect`, kept, over the same",
            found["curl_connect"], found["bare"], "us", "2.0", "1.6"),
        Row("`http_connect` of a native script, kept, over the same",
            found["http_connect"], found["bare"], "us", "2.0", "1.6"),
    ]  # fmt: skip


def _throughput(make: Callable[[], Callable[[], object]], width: int = 32, each: int = 100) -> Run:
    def run() -> float:
        calls = [make() for _ in range(width)]
        for call in calls:
            call()
        ready = threading.Barrier(width + 1)

        def work(call: Callable[[], object]) -> None:
            ready.wait()
            for _ in range(each):
                call()

        running = [threading.Thread(target=work, args=(call,)) for call in calls]
        for thread in running:
            thread.start()
        ready.wait()
        started = time.perf_counter()
        for thread in running:
            thread.join()
        return width * each / (time.perf_counter() - started)

    return run
