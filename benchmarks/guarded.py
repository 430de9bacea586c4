"""One revision under `benchmarks.guard`: runs cases by name, and tells the CPU of a call.

Uses public names only, those that every revision to compare with has.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
import threading
import warnings
from collections.abc import Callable

import onehttp
from benchmarks.contender import Cases, answer

HEADERS = (("X-Benchmark", "1"),)
WIDTH = 64


def cases(url: str) -> Cases:
    """By name: what makes so many calls."""
    onehttp.init(connections={"version": 1, "connections": {"bench": {"url": url}}})
    logging.getLogger("onehttp_compat").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore", onehttp.LegacyCallWarning)
    from onehttp_compat.ksr import Ksr
    from onehttp_compat.server import LegacyServer

    server = LegacyServer(reuse=True)
    server.modparam("http_client", "httpcon", f"kept=>{url}")
    ksr = Ksr(server)
    small = f"{url}/small"
    connection = onehttp.connection("bench")
    numbers = itertools.count()

    def times(call: Callable[[], object]) -> Callable[[int], None]:
        def run(count: int) -> None:
            for _ in range(count):
                call()

        return run

    return {
        "request(url)": times(lambda: onehttp.request("GET", small)),
        "request(another url)": times(
            lambda: onehttp.request("GET", f"{small}?number={next(numbers)}")
        ),
        "request(url, headers, timeout)": times(
            lambda: onehttp.request("GET", small, headers=HEADERS, timeout=5.0)
        ),
        "connection.get": times(lambda: connection.get("/small", headers=HEADERS)),
        "connection.post 1 KiB": times(lambda: connection.post("/small", body=b"x" * 1024)),
        "arequest, 64 in flight": lambda count: asyncio.run(crowd(small, count)),
        "submit, 64 in flight": lambda count: submitted(small, count),
        "KSR.http_client.curl_connect": times(
            lambda: ksr.http_client.curl_connect("kept", "/small", "$var(r)")
        ),
    }


async def crowd(url: str, count: int) -> None:
    async def one(left: int) -> None:
        for _ in range(left):
            await onehttp.arequest("GET", url, headers=HEADERS)

    await asyncio.gather(*(one(count // WIDTH) for _ in range(WIDTH)))


def submitted(url: str, count: int) -> None:
    room = threading.Semaphore(WIDTH)
    done = [room.release]
    for _ in range(count):
        room.acquire()
        onehttp.submit("GET", url, route=lambda _: done[0]())
    onehttp.drain()


def main() -> None:
    answer(cases(sys.argv[1]), warm_up=50)
    onehttp.shutdown()


if __name__ == "__main__":
    main()
