"""Many transfers at once: asyncio at 64 and 512, ten thousand in flight, one HTTP/2 connection."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable

import onehttp
from benchmarks import baselines
from benchmarks.contender import cpu_s
from benchmarks.measure import Row, Run, in_process, interleaved, rss_kib
from benchmarks.nginx import Nginx

Crowd = Callable[[str, int, int], Awaitable[None]]
FIELD = {
    "onehttp": baselines.with_onehttp,
    "AsyncCurlMulti": baselines.with_async_curl_multi,
    "aiohttp": baselines.with_aiohttp,
}


def asyncio_crowds(nginx: Nginx, rounds: int) -> list[Row]:
    """64 and 512 in flight."""
    url = f"{nginx.plain}/small"
    rows: list[Row] = []
    for width, count, limit, aim in ((64, 5000, "0.30", "0.22"), (512, 8000, "0.50", "0.38")):
        found = interleaved(
            {f"{name} at {width}": _cpu_us(crowd, url, count, width)
             for name, crowd in FIELD.items()},
            rounds,
        )  # fmt: skip
        ours = found[f"onehttp at {width}"]
        rows.append(Row(f"`arequest`, {width} in flight, over aiohttp", ours,
                        found[f"aiohttp at {width}"], "us", limit, aim))  # fmt: skip
        if width == 64:
            rows.append(Row("the same over pycurl.AsyncCurlMulti", ours,
                            found["AsyncCurlMulti at 64"], "us", "0.75", "0.55"))  # fmt: skip
    return rows


def ten_thousand(nginx: Nginx) -> list[Row]:
    """10,000 held in flight at once, each measured in a process of its own."""
    if not nginx.can_hold:
        print("skipping 10,000 in flight: nginx has no echo module (libnginx-mod-http-echo)")
        return []
    crowd = in_process("benchmarks.rows.crowds", "onehttp", f"{nginx.plain}/hold", 10_000)
    few = in_process("benchmarks.rows.crowds", "onehttp", f"{nginx.plain}/hold", 512)
    raw = in_process("benchmarks.rows.crowds", "raw", f"{nginx.plain}/hold", 10_000)
    return [
        Row("10,000 in flight: CPU per request over 512", crowd["cpu_us"], few["cpu_us"], "us",
            "1.5", "1.2"),
        Row("10,000 in flight: memory per transfer over a raw CurlMulti", crowd["kib"],
            raw["kib"], "KiB", "1.3", "1.1"),
    ]  # fmt: skip


def one_http2_connection(nginx: Nginx) -> list[Row]:
    """100 calls at once to one TLS origin."""
    onehttp.shutdown()
    connection = {"url": nginx.h2, "tls": {"ca_file": nginx.ca_file}}
    onehttp.init(connections={"version": 1, "connections": {"h2": connection}})

    async def burst() -> None:
        api = onehttp.connection("h2")
        await asyncio.gather(*(api.aget("/small") for _ in range(100)))

    asyncio.run(burst())
    opened = onehttp.stats().connections_opened
    return [Row("HTTP/2, 100 calls at once: connections opened", opened, 1, "", "1", "1")]


def _cpu_us(crowd: Crowd, url: str, count: int, width: int) -> Run:
    def run() -> float:
        async def measured() -> float:
            await crowd(url, width, width)
            started = cpu_s()
            await crowd(url, count, width)
            return (cpu_s() - started) / count * 1e6

        return asyncio.run(measured())

    return run


def _measure_crowd(kind: str, url: str, count: int) -> dict[str, float]:
    small = url.replace("/hold", "/small")
    before_kib = peak_kib = 0

    async def ours() -> None:
        nonlocal before_kib, peak_kib
        await baselines.with_onehttp(small, 10, 1)
        before_kib = rss_kib()

        async def watch() -> None:
            nonlocal peak_kib
            while True:
                peak_kib = max(peak_kib, rss_kib())
                await asyncio.sleep(0.25)

        watching = asyncio.create_task(watch())
        await baselines.with_onehttp(url, count, count)
        watching.cancel()

    if kind == "onehttp":
        onehttp.init()
        started = cpu_s()
        asyncio.run(ours())
    else:
        import threading

        baselines.RawMulti(small, 1)(10)
        before_kib = rss_kib()
        started = cpu_s()
        done = threading.Event()

        def watch_raw() -> None:
            nonlocal peak_kib
            while not done.wait(0.25):
                peak_kib = max(peak_kib, rss_kib())

        watcher = threading.Thread(target=watch_raw)
        watcher.start()
        baselines.RawMulti(url, count)(count)
        done.set()
        watcher.join()
    return {
        "cpu_us": (cpu_s() - started) / count * 1e6,
        "kib": (peak_kib - before_kib) / count,
    }


if __name__ == "__main__":
    print(json.dumps(_measure_crowd(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
