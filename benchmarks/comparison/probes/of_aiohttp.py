"""aiohttp."""

from __future__ import annotations

import asyncio
import inspect
import ssl
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.comparison.probes import kit
from benchmarks.comparison.probes.behaviour import Answer, add_behaviours
from benchmarks.comparison.probes.coroutines import add_coroutines
from benchmarks.comparison.probes.kit import Place, Probes

probes = Probes("aiohttp")


class Aiohttp:
    """A session, and one event loop that its blocking callers run it on."""

    def __init__(
        self,
        follow: bool = False,
        proxy: str = "",
        ca: str = "",
        connector: Any = None,
        timeout: float | None = None,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._own: dict[str, Any] = {}
        if timeout:
            self._own["timeout"] = aiohttp.ClientTimeout(total=timeout)
        self._call: dict[str, Any] = {"allow_redirects": follow, "proxy": proxy or None}
        if ca:
            self._call["ssl"] = ssl.create_default_context(cafile=ca)
        self._session: aiohttp.ClientSession | None = None

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self._run(self._request("GET", url, headers=headers))

    def post(self, url: str, body: bytes) -> Answer:
        return self._run(self._request("POST", url, data=body))

    async def aget(self, url: str) -> Answer:
        return await self._request("GET", url)

    def _run(self, call: Coroutine[Any, Any, Answer]) -> Answer:
        return self._loop.run_until_complete(call)

    async def _request(self, method: str, url: str, **call: Any) -> Answer:
        self._session = self._session or aiohttp.ClientSession(**self._own)
        async with self._session.request(method, url, **call, **self._call) as response:
            return Answer(response.status, await response.read())


add_behaviours(
    probes,
    Aiohttp,
    {
        "silent": [("`timeout=ClientTimeout(total=1)`", {"timeout": 1})],
        "drip": [("`timeout=ClientTimeout(total=1)`", {"timeout": 1})],
        "brotli": [("extra `speedups`", {})],
        "zstd": [("extra `speedups`", {})],
    },
)
add_coroutines(probes, Aiohttp)
for feature in ("shared", "gevent"):
    del probes.by_feature[feature]
probes.absent("fleet", "gevent")
probes.absent(
    "asgi", "http3", "bearer", "breaker", "impersonation", "metrics", "named", "path-values",
    "rate", "recordings", "retry-after", "stored", "traces", "trio",
)  # fmt: skip
probes.absent("double", but=r"make_mocked_(coro|request)")  # those of its server
probes.absent("callback", but=r"web|on_eof|TimeoutHandle|Connection")
probes.absent("failover", but="charset|web_fileresponse")
probes.absent("resume", but=r"resume_reading|resume_writing|cookiejar|Abstract.*save|\.save\b")
probes.absent("retry", but="retry_connection")
probes.add("typed", lambda _: kit.is_typed("aiohttp"))


@probes("blocking")
@probes("shared")
def blocking(_place: Place) -> str:
    """What a session's calls are."""
    is_coroutine = inspect.iscoroutinefunction(aiohttp.ClientSession._request)
    return "every call is a coroutine" if is_coroutine else "some calls block"


async def _fetch(url: str, *, call: Mapping[str, Any] | None = None, **session: Any) -> str:
    async with (
        aiohttp.ClientSession(**session) as client,
        client.get(url, **(call or {})) as response,
    ):
        return f"{response.status} {await response.text()}"


def _status(url: str, **session: Any) -> int:
    return int(asyncio.run(_fetch(url, **session)).partition(" ")[0])


@probes("unix", "`connector=UnixConnector(path)`")
def unix(place: Place) -> str:
    async def call() -> str:
        connector = aiohttp.UnixConnector(place["unix"])
        return await _fetch("http://service/by-unix", connector=connector)

    return asyncio.run(call()).removeprefix("200 ")


@probes("websocket")
def websocket(place: Place) -> str:
    async def call() -> str:
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(place.at("/ws")) as connected,
        ):
            await connected.send_str("hello")
            return str(await connected.receive_str())

    return asyncio.run(call())


@probes("stream-down")
def stream_down(place: Place) -> int:
    async def call() -> int:
        async with (
            aiohttp.ClientSession() as client,
            client.get(place.at("/flood")) as response,
        ):
            await response.content.read(1024)
            return await asyncio.to_thread(kit.taken, place)

    return asyncio.run(call())


@probes("stream-up")
def stream_up(place: Place) -> int:
    async def pieces() -> Any:
        ahead = place.chunks()
        while piece := await asyncio.to_thread(next, ahead, None):
            yield piece

    async def call() -> int:
        async with (
            aiohttp.ClientSession() as client,
            client.post(place.at("/upload"), data=pieces()) as response,
        ):
            return int(response.status)

    return asyncio.run(call())


@probes("multipart")
def multipart(place: Place) -> int:
    async def send() -> None:
        with Path(place["file"]).open("rb") as file:
            form = aiohttp.FormData()
            form.add_field("file", file, filename="name")
            async with (
                aiohttp.ClientSession() as client,
                client.post(place.at("/upload"), data=form) as response,
            ):
                await response.read()

    return kit.extra_memory_bytes(lambda: asyncio.run(send()))


@probes("basic")
def basic(place: Place) -> int:
    credentials = aiohttp.BasicAuth("alice", "secret")
    return _status(place.at("/basic"), call={"auth": credentials})


@probes("digest")
def digest(place: Place) -> int:
    credentials = aiohttp.DigestAuthMiddleware("alice", "secret")
    return _status(place.at("/digest"), call={"middlewares": [credentials]})


@probes("limit", "`connector=TCPConnector(limit=2)`")
def limit(place: Place) -> list[str]:
    async def call() -> list[str]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=2)) as client:

            async def one() -> str:
                async with client.get(place.at("/slow")) as response:
                    return str(await response.text())

            return list(await asyncio.gather(*(one() for _ in range(6))))

    return asyncio.run(call())


@probes("hooks", "`trace_configs=[...]`")
def hooks(place: Place) -> list[str]:
    seen: list[str] = []

    async def on_start(_session: Any, _context: Any, params: Any) -> None:
        seen.append(params.method)

    async def on_end(_session: Any, _context: Any, params: Any) -> None:
        seen.append(str(params.response.status))

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(on_start)
    trace.on_request_end.append(on_end)
    _status(place.at("/hooked"), trace_configs=[trace])
    return seen


@probes("raise-for-status")
def raise_for_status(place: Place) -> str:
    async def call() -> str:
        async with (
            aiohttp.ClientSession() as client,
            client.get(place.at("/missing")) as response,
        ):
            try:
                response.raise_for_status()
            except aiohttp.ClientResponseError as error:
                return str(error)
        return "nothing was raised"

    return asyncio.run(call())


@probes("links")
def links(place: Place) -> str:
    async def call() -> str:
        async with (
            aiohttp.ClientSession() as client,
            client.get(place.at("/linked")) as response,
        ):
            return str(response.links["next"]["url"])

    return asyncio.run(call())


@probes("history")
def history(place: Place) -> list[int]:
    async def call() -> list[int]:
        async with (
            aiohttp.ClientSession() as client,
            client.get(place.at("/near")) as response,
        ):
            return [each.status for each in response.history]

    return asyncio.run(call())


@probes("timings")
def timings(place: Place) -> dict[str, Any]:
    """Nothing on the answer; a trace is told of each event."""
    events: list[str] = []
    trace = aiohttp.TraceConfig()
    for name in ("on_request_start", "on_connection_create_start", "on_connection_create_end"):
        _listen(getattr(trace, name), name, events)
    _listen(trace.on_request_end, "on_request_end", events)
    _status(place.at("/timed"), trace_configs=[trace])
    return {"events": len(events)}


def _listen(signal: Any, name: str, events: list[str]) -> None:
    async def heard(_session: Any, _context: Any, _params: Any) -> None:
        events.append(name)

    signal.append(heard)
