"""httpx."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from benchmarks.comparison.probes import kit
from benchmarks.comparison.probes.behaviour import Answer, add_behaviours
from benchmarks.comparison.probes.coroutines import add_coroutines
from benchmarks.comparison.probes.kit import Place, Probes

probes = Probes("httpx")


class Httpx:
    """A client of each kind; they share nothing that could be shared."""

    def __init__(self, follow: bool = False, proxy: str = "", ca: str = "", **own: Any) -> None:
        if ca:
            own["verify"] = ssl.create_default_context(cafile=ca)
        own |= {"follow_redirects": follow, "proxy": proxy or None}
        self._own = own
        self._client = httpx.Client(**own)
        self._tasks: httpx.AsyncClient | None = None

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return _answer(self._client.get(url, headers=headers))

    def post(self, url: str, body: bytes) -> Answer:
        return _answer(self._client.post(url, content=body))

    async def aget(self, url: str) -> Answer:
        self._tasks = self._tasks or httpx.AsyncClient(**self._own)
        return _answer(await self._tasks.get(url))


def _answer(response: httpx.Response) -> Answer:
    return Answer(response.status_code, response.content)


add_behaviours(
    probes,
    Httpx,
    {
        "silent": [("`timeout=1`", {"timeout": 1})],
        "drip": [("`timeout=1`", {"timeout": 1})],
        "environment-proxy": [("`trust_env=False`", {"trust_env": False})],
        "brotli": [("extra `brotli`", {})],
        "zstd": [("extra `zstd`", {})],
        "socks": [("extra `socks`", {})],
        "http2": [("extra `http2`, `http2=True`", {"http2": True})],
    },
)
add_coroutines(probes, Httpx, "extra `http2`, `http2=True`", http2=True)
probes.absent(
    "bearer", "breaker", "callback", "http3", "failover", "fleet", "impersonation", "metrics",
    "named", "path-values", "rate", "recordings", "resume", "retry-after", "stored", "traces",
    "websocket",
)  # fmt: skip
probes.add("typed", lambda _: kit.is_typed("httpx"))


@probes("blocking")
def blocking(place: Place) -> str:
    return httpx.get(place.at("/blocking")).text


@probes("trio", "package `trio`")
def trio(place: Place) -> str:
    import trio

    async def call() -> str:
        async with httpx.AsyncClient() as client:
            return (await client.get(place.at("/trio"))).text

    found: str = trio.run(call)
    return found


@probes("asgi", "`transport=ASGITransport(app)`")
def asgi(_place: Place) -> str:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"by the application"})

    async def call() -> str:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
            return (await client.get("http://application/")).text

    return asyncio.run(call())


@probes("unix", "`transport=HTTPTransport(uds=...)`")
def unix(place: Place) -> str:
    with httpx.Client(transport=httpx.HTTPTransport(uds=place["unix"])) as client:
        return client.get("http://service/by-unix").text


@probes("stream-down")
def stream_down(place: Place) -> int:
    with httpx.Client() as client, client.stream("GET", place.at("/flood")) as response:
        next(response.iter_bytes(1024))
        return kit.taken(place)


@probes("stream-up")
def stream_up(place: Place) -> int:
    return httpx.post(place.at("/upload"), content=place.chunks()).status_code


@probes("multipart")
def multipart(place: Place) -> int:
    def send() -> None:
        with Path(place["file"]).open("rb") as file:
            httpx.post(place.at("/upload"), files={"file": ("name", file)}, timeout=30)

    return kit.extra_memory_bytes(send)


@probes("basic")
def basic(place: Place) -> int:
    return httpx.get(place.at("/basic"), auth=("alice", "secret")).status_code


@probes("digest")
def digest(place: Place) -> int:
    return httpx.get(place.at("/digest"), auth=httpx.DigestAuth("alice", "secret")).status_code


@probes("retry", "`transport=HTTPTransport(retries=3)`")
def retry(place: Place) -> int:
    with httpx.Client(transport=httpx.HTTPTransport(retries=3)) as client:
        return client.get(place.at("/busy")).status_code


@probes("limit", "`limits=Limits(max_connections=2)`")
def limit(place: Place) -> list[str]:
    limits = httpx.Limits(max_connections=2)
    with httpx.Client(limits=limits) as client, ThreadPoolExecutor(6) as threads:
        return list(threads.map(lambda _: client.get(place.at("/slow")).text, range(6)))


@probes("hooks", "`event_hooks={...}`")
def hooks(place: Place) -> list[str]:
    seen: list[str] = []
    on_request = [lambda request: seen.append(request.method)]
    on_response = [lambda response: seen.append(str(response.status_code))]
    event_hooks: Any = {"request": on_request, "response": on_response}
    with httpx.Client(event_hooks=event_hooks) as client:
        client.get(place.at("/hooked"))
    return seen


@probes("raise-for-status")
def raise_for_status(place: Place) -> str:
    try:
        httpx.get(place.at("/missing")).raise_for_status()
    except httpx.HTTPStatusError as error:
        return str(error)
    return "nothing was raised"


@probes("links")
def links(place: Place) -> str | None:
    return httpx.get(place.at("/linked")).links["next"]["url"]


@probes("history")
def history(place: Place) -> list[int]:
    response = httpx.get(place.at("/near"), follow_redirects=True)
    return [each.status_code for each in response.history]


@probes("timings")
def timings(place: Place) -> dict[str, Any]:
    events: list[str] = []
    trace = {"trace": lambda name, _info: events.append(name)}
    with httpx.Client() as client:
        response = client.get(place.at("/timed"), extensions=trace)
    return {"total": response.elapsed.total_seconds(), "events": len(events)}


@probes("double", "`transport=MockTransport(handler)`")
def double(place: Place) -> str:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, text="canned"))
    with httpx.Client(transport=transport) as client:
        return client.get(place.at("/canned")).text
