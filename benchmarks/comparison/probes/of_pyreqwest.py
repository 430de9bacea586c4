"""pyreqwest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from pyreqwest.client import ClientBuilder, SyncClientBuilder
from pyreqwest.middleware.asgi import ASGITestMiddleware
from pyreqwest.multipart import FormBuilder
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.response import ResponseBuilder

from benchmarks.comparison.probes import kit
from benchmarks.comparison.probes.behaviour import Answer, add_behaviours
from benchmarks.comparison.probes.coroutines import add_coroutines
from benchmarks.comparison.probes.kit import Place, Probes

probes = Probes("pyreqwest")


class Pyreqwest:
    """A client of each kind."""

    def __init__(self, follow: bool = False, proxy: str = "", ca: str = "", **own: Any) -> None:
        def built(builder: Any) -> Any:
            builder = builder.follow_redirects(follow)
            if proxy:
                builder = builder.proxy(ProxyBuilder.all(proxy))
            if ca:
                builder = builder.add_root_certificate_pem(Path(ca).read_bytes())
            for name, value in own.items():
                builder = getattr(builder, name)(*([] if value is None else [value]))
            return builder.build()

        self._built = built
        self._client = built(SyncClientBuilder())
        self._tasks: Any = None

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self._sent(self._client.get(url).headers(headers or {}))

    def post(self, url: str, body: bytes) -> Answer:
        return self._sent(self._client.post(url).body_bytes(body))

    @staticmethod
    def _sent(builder: Any) -> Answer:
        response = builder.build().send()
        return Answer(response.status, bytes(response.bytes()))

    async def aget(self, url: str) -> Answer:
        self._tasks = self._tasks or self._built(ClientBuilder())
        response = await self._tasks.get(url).build().send()
        return Answer(response.status, bytes(await response.bytes()))


LIMITED = ("`timeout(timedelta(...))`", {"timeout": timedelta(seconds=1)})
WITH_COOKIES = ("`default_cookie_store(True)`", {"default_cookie_store": True})
add_behaviours(
    probes,
    Pyreqwest,
    {
        "silent": [LIMITED],
        "drip": [LIMITED],
        "environment-proxy": [("`no_proxy()`", {"no_proxy": None})],
        "cookies": [WITH_COOKIES],
        "hostile-cookie": [WITH_COOKIES],
        "http2": [("`http2(True)`", {"http2": True})],
    },
)
add_coroutines(probes, Pyreqwest, "`http2(True)`", http2=True)
probes.absent(
    "breaker", "callback", "http3", "failover", "fleet", "history", "impersonation", "links",
    "metrics", "named", "path-values", "rate", "recordings", "resume", "retry", "retry-after",
    "timings", "stored", "traces", "trio", "unix", "websocket", "digest",
    but=r"tcp_keepalive|keep_alive|PartBuilder\.from_file|logging\.",
)  # fmt: skip
probes.add("typed", lambda _: kit.is_typed("pyreqwest"))


def _client() -> Any:
    return SyncClientBuilder().build()


def _status(builder: Any) -> Any:
    return builder.build().send().status


@probes("blocking")
def blocking(place: Place) -> Any:
    return _client().get(place.at("/blocking")).build().send().text()


@probes("stream-down", "`build_streamed()`")
def stream_down(place: Place) -> int:
    with _client().get(place.at("/flood")).build_streamed() as response:
        response.body_reader.read(1024)
        return kit.taken(place)


@probes("stream-up")
def stream_up(place: Place) -> Any:
    return _status(_client().post(place.at("/upload")).body_stream(place.chunks()))


@probes("multipart")
def multipart(place: Place) -> int:
    def send() -> None:
        form = FormBuilder().sync_file("file", Path(place["file"]))
        _status(_client().post(place.at("/upload")).multipart(form))

    return kit.extra_memory_bytes(send)


@probes("basic")
def basic(place: Place) -> Any:
    return _status(_client().get(place.at("/basic")).basic_auth("alice", "secret"))


@probes("bearer")
def bearer(place: Place) -> Any:
    return _status(_client().get(place.at("/bearer")).bearer_auth("secret"))


@probes("limit", "`max_connections(2)`")
def limit(place: Place) -> list[str]:
    client = SyncClientBuilder().max_connections(2).build()

    def call(_: int) -> Any:
        return client.get(place.at("/slow")).build().send().text()

    with ThreadPoolExecutor(6) as threads:
        return list(threads.map(call, range(6)))


@probes("hooks", "`with_middleware(...)`")
def hooks(place: Place) -> list[str]:
    seen: list[str] = []

    def around(request: Any, following: Any) -> Any:
        seen.append(request.method)
        response = following.run(request)
        seen.append(str(response.status))
        return response

    client = SyncClientBuilder().with_middleware(around).build()
    _status(client.get(place.at("/hooked")))
    return seen


@probes("raise-for-status")
def raise_for_status(place: Place) -> str:
    response = _client().get(place.at("/missing")).build().send()
    try:
        response.error_for_status()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return f"{error} {error.args}"
    return "nothing was raised"


@probes("double", "`with_middleware(...)`")
def double(place: Place) -> Any:
    def canned(_request: Any, _following: Any) -> Any:
        return ResponseBuilder().status(200).body_text("canned").build_sync()

    client = SyncClientBuilder().with_middleware(canned).build()
    return client.get(place.at("/canned")).build().send().text()


@probes("asgi", "`with_middleware(ASGITestMiddleware(app))`")
def asgi(_place: Place) -> str:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                event = (await receive())["type"]
                await send({"type": f"{event}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"by the application"})

    async def call() -> str:
        async with ASGITestMiddleware(app) as application:
            client = ClientBuilder().with_middleware(application).build()
            response = await client.get("http://application/").build().send()
            return str(await response.text())

    return asyncio.run(call())
