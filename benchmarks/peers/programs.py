"""``python -m benchmarks.peers.programs CLIENT URL``: the calls of one client.

A GET with one header on a kept connection, blocking and as tasks. Clients are at their defaults,
but for limits on how many connections they keep.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from benchmarks.contender import Cases, answer

HEADERS = {"X-Benchmark": "1"}
WIDTHS = (64, 512)
WARM_UP = max(WIDTHS)
"""Every connection is made before anything is measured."""
CALL = "blocking"
Call = Callable[[], object]
AsyncCall = Callable[[], Awaitable[object]]


def at_once(width: int) -> str:
    """The case of so many calls in flight."""
    return f"{width} in flight"


def blocking(call: Call) -> Cases:
    """One after the other."""

    def run(count: int) -> None:
        for _ in range(count):
            call()

    return {CALL: run}


def crowds(loop: asyncio.AbstractEventLoop, call: AsyncCall) -> Cases:
    """So many tasks of one loop."""

    async def crowd(count: int, width: int) -> None:
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                await call()

        await asyncio.gather(*(work() for _ in range(width)))

    def at(width: int) -> Callable[[int], None]:
        return lambda count: loop.run_until_complete(crowd(count, width))

    return {at_once(width): at(width) for width in WIDTHS}


def of_bare(url: str, _loop: asyncio.AbstractEventLoop) -> Cases:
    """libcurl and pycurl alone: the floor, and the same set anew for each call."""
    from benchmarks.baselines import RawMulti, bare_easy, raw_easy

    multis = {at_once(width): RawMulti(url, width) for width in WIDTHS}
    return {**blocking(bare_easy(url)), "set anew": blocking(raw_easy(url))[CALL], **multis}


def of_onehttp(url: str, loop: asyncio.AbstractEventLoop) -> Cases:
    import onehttp

    base, _, path = url.rpartition("/")
    onehttp.init(connections={"version": 1, "connections": {"bench": {"url": base}}})
    connection = onehttp.connection("bench")
    timeout = onehttp.Timeout(30, 10)  # of so many calls at once some wait for long
    return {
        **blocking(lambda: onehttp.request("GET", url, headers=HEADERS)),
        "named": blocking(lambda: connection.get(f"/{path}", headers=HEADERS))[CALL],
        "url alone": blocking(lambda: onehttp.request("GET", url))[CALL],
        "headers, timeout": blocking(
            lambda: onehttp.request("GET", url, headers=HEADERS, timeout=5.0)
        )[CALL],
        **crowds(loop, lambda: onehttp.arequest("GET", url, headers=HEADERS, timeout=timeout)),
    }


def of_onehttp_on_uvloop(url: str, _loop: asyncio.AbstractEventLoop) -> Cases:
    import uvloop

    found = of_onehttp(url, uvloop.new_event_loop())
    return {at_once(width): found[at_once(width)] for width in WIDTHS}


def of_wreq(url: str, loop: asyncio.AbstractEventLoop) -> Cases:
    import wreq
    import wreq.blocking

    client, tasks = wreq.blocking.Client(), wreq.Client()

    async def one() -> bytes:
        response = await tasks.get(url, headers=HEADERS)
        return bytes(await response.bytes())

    return {
        **blocking(lambda: client.get(url, headers=HEADERS).bytes()),
        **crowds(loop, one),
    }


def of_primp(url: str, loop: asyncio.AbstractEventLoop) -> Cases:
    import primp

    client, tasks = primp.Client(), primp.AsyncClient()

    async def one() -> object:
        return (await tasks.get(url, headers=HEADERS)).content

    return {
        **blocking(lambda: client.get(url, headers=HEADERS).content),
        **crowds(loop, one),
    }


def of_pyreqwest(url: str, loop: asyncio.AbstractEventLoop) -> Cases:
    from pyreqwest.client import ClientBuilder, SyncClientBuilder

    client, tasks = SyncClientBuilder().build(), ClientBuilder().build()

    async def one() -> object:
        return await (await tasks.get(url).headers(HEADERS).build().send()).bytes()

    return {
        **blocking(lambda: client.get(url).headers(HEADERS).build().send().bytes()),
        **crowds(loop, one),
    }


def of_httpx(url: str, _loop: asyncio.AbstractEventLoop) -> Cases:
    # Blocking alone: a task of its costs three milliseconds at 64 in flight.
    import httpx

    client = httpx.Client()
    return blocking(lambda: client.get(url, headers=HEADERS))


def of_aiohttp(url: str, loop: asyncio.AbstractEventLoop) -> Cases:
    import aiohttp

    async def session() -> Any:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    tasks = loop.run_until_complete(session())

    async def one() -> bytes:
        async with tasks.get(url, headers=HEADERS) as response:
            return bytes(await response.read())

    return crowds(loop, one)


def of_requests(url: str, _loop: asyncio.AbstractEventLoop) -> Cases:
    import requests

    session = requests.Session()
    return blocking(lambda: session.get(url, headers=HEADERS))


def of_curl_cffi(url: str, loop: asyncio.AbstractEventLoop) -> Cases:
    from curl_cffi.requests import AsyncSession, Session

    async def session() -> Any:
        return AsyncSession(max_clients=max(WIDTHS))

    client, tasks = Session(), loop.run_until_complete(session())
    return {
        **blocking(lambda: client.get(url, headers=HEADERS)),
        **crowds(loop, lambda: tasks.get(url, headers=HEADERS)),
    }


CLIENTS: Mapping[str, Callable[[str, asyncio.AbstractEventLoop], Cases]] = {
    "bare": of_bare,
    "onehttp": of_onehttp,
    "onehttp, compiled": of_onehttp,
    "onehttp on uvloop": of_onehttp_on_uvloop,
    "wreq": of_wreq,
    "primp": of_primp,
    "pyreqwest": of_pyreqwest,
    "httpx": of_httpx,
    "aiohttp": of_aiohttp,
    "requests": of_requests,
    "curl_cffi": of_curl_cffi,
}


def main() -> None:
    client, url = sys.argv[1:]
    cases = CLIENTS[client](url, asyncio.new_event_loop())
    answer(cases, WARM_UP)
    os._exit(0)  # how each of them says goodbye is not measured


if __name__ == "__main__":
    main()
