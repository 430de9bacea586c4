"""The floors: raw pycurl with the same options, and the peers at their defaults."""

from __future__ import annotations

import asyncio
import select
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import pycurl

HEADER = ("X-Benchmark", "1")
AGENT = "onehttp/0.1.0"


def set_all(easy: Any, url: str, body: list[bytes], head: list[bytes]) -> None:
    """Every option that a transfer of onehttp carries."""
    easy.setopt(pycurl.URL, url)
    easy.setopt(pycurl.NOSIGNAL, 1)
    easy.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    easy.setopt(pycurl.REDIR_PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    easy.setopt(pycurl.BUFFERSIZE, 128 * 1024)
    easy.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
    easy.setopt(pycurl.PIPEWAIT, 1)
    easy.setopt(pycurl.USERAGENT, AGENT)
    easy.setopt(pycurl.TIMEOUT_MS, 4000)
    easy.setopt(pycurl.CONNECTTIMEOUT_MS, 1000)
    easy.setopt(pycurl.MAXFILESIZE_LARGE, 10 * 1024 * 1024)
    easy.setopt(pycurl.SSL_VERIFYPEER, 1)
    easy.setopt(pycurl.SSL_VERIFYHOST, 2)
    easy.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)
    easy.setopt(pycurl.PROXY, "")
    easy.setopt(pycurl.HTTPHEADER, [f"{HEADER[0]}: {HEADER[1]}"])
    easy.setopt(pycurl.HEADERFUNCTION, head.append)
    easy.setopt(pycurl.WRITEFUNCTION, body.append)


def bare_easy(url: str) -> Callable[[], int]:
    """One easy handle that is told where to and where the body goes, once: the floor, 1.00."""
    easy = pycurl.Curl()
    easy.setopt(pycurl.URL, url)
    easy.setopt(pycurl.WRITEFUNCTION, deque(maxlen=1).append)

    def call() -> int:
        easy.perform()
        status: int = easy.getinfo(pycurl.RESPONSE_CODE)
        return status

    return call


def raw_easy(url: str) -> Callable[[], tuple[int, bytes, list[bytes]]]:
    """One easy handle, reset and set again for each call, headers captured."""
    easy = pycurl.Curl()

    def call() -> tuple[int, bytes, list[bytes]]:
        body: list[bytes] = []
        head: list[bytes] = []
        easy.reset()
        set_all(easy, url, body, head)
        easy.perform()
        return easy.getinfo(pycurl.RESPONSE_CODE), b"".join(body), head

    return call


class RawMulti:
    """Transfers, ``width`` at a time, on a CurlMulti by ``perform`` and ``poll``; called with how
    many. Connections stay."""

    def __init__(self, url: str, width: int) -> None:
        self._url = url
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, 20_000)
        self._easies = [pycurl.Curl() for _ in range(width)]

    def __call__(self, count: int) -> None:
        multi = self._multi
        to_start = count
        for easy in self._easies[:count]:
            to_start -= 1
            self._start(easy)
        to_end = count
        while to_end:
            multi.perform()
            while True:
                queued, succeeded, failed = multi.info_read()
                for easy in [*succeeded, *(one[0] for one in failed)]:
                    to_end -= 1
                    easy.getinfo(pycurl.RESPONSE_CODE)
                    multi.remove_handle(easy)
                    if to_start:
                        to_start -= 1
                        self._start(easy)
                if not queued:
                    break
            if len(self._easies) < 1000:
                multi.select(0.1)
            else:
                select.select([], [], [], 0.005)  # CurlMulti.select fails above 1024 descriptors

    def _start(self, easy: Any) -> None:
        easy.reset()
        easy.body, easy.head = [], []
        set_all(easy, self._url, easy.body, easy.head)
        easy.setopt(pycurl.TIMEOUT_MS, 60_000)
        easy.setopt(pycurl.CONNECTTIMEOUT_MS, 30_000)
        self._multi.add_handle(easy)


async def workers(one: Callable[[], Awaitable[object]], count: int, width: int) -> None:
    """``count`` calls of ``one``, ``width`` at a time."""
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(work() for _ in range(width)))


async def with_async_curl_multi(url: str, count: int, width: int) -> None:
    async with pycurl.AsyncCurlMulti() as multi:
        left = iter(range(count))

        async def work() -> None:
            easy = pycurl.Curl()
            for _ in left:
                body: list[bytes] = []
                head: list[bytes] = []
                easy.reset()
                set_all(easy, url, body, head)
                easy.setopt(pycurl.TIMEOUT_MS, 30_000)
                easy.setopt(pycurl.CONNECTTIMEOUT_MS, 10_000)
                await multi.perform(easy)
                easy.getinfo(pycurl.RESPONSE_CODE)

        await asyncio.gather(*(work() for _ in range(width)))


async def with_aiohttp(url: str, count: int, width: int) -> None:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one() -> None:
            async with session.get(url, headers=dict([HEADER])) as response:
                await response.read()

        await workers(one, count, width)


async def with_aiohttp_tasks(url: str, count: int, width: int) -> None:
    """A task for each request, and a callback for each task."""
    import aiohttp

    room = asyncio.Semaphore(width)
    done = asyncio.Event()
    left = count

    def answered(task: asyncio.Task[int]) -> None:
        nonlocal left
        assert task.result() == 200
        room.release()
        left -= 1
        if not left:
            done.set()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one() -> int:
            async with session.get(url, headers=dict([HEADER])) as response:
                await response.read()
                return int(response.status)

        tasks = set()
        for _ in range(count):
            await room.acquire()
            task = asyncio.create_task(one())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(answered)
        await done.wait()


async def with_onehttp(url: str, count: int, width: int) -> None:
    import onehttp

    timeout = onehttp.Timeout(30, 10)
    headers = (HEADER,)

    async def one() -> None:
        await onehttp.arequest("GET", url, headers=headers, timeout=timeout)

    await workers(one, count, width)
