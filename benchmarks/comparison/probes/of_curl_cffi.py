"""curl_cffi."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import curl_cffi
from curl_cffi import CurlInfo, CurlMime, CurlOpt
from curl_cffi.requests import AsyncSession, Session

from benchmarks.comparison.probes import kit
from benchmarks.comparison.probes.behaviour import Answer, add_behaviours
from benchmarks.comparison.probes.coroutines import add_coroutines
from benchmarks.comparison.probes.kit import Place, Probes

probes = Probes("curl_cffi")


class CurlCffi:
    """A session of each kind."""

    def __init__(self, follow: bool = False, proxy: str = "", ca: str = "", **own: Any) -> None:
        self._call = {name: own.pop(name) for name in ("accept_encoding",) if name in own}
        self._own = {"allow_redirects": follow, "proxy": proxy or None, "verify": ca or True, **own}
        self._session = Session(**self._own)
        self._tasks: Any = None

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return _answer(self._session.get(url, headers=headers, **self._call))

    def post(self, url: str, body: bytes) -> Answer:
        return _answer(self._session.post(url, data=body))

    async def aget(self, url: str) -> Answer:
        self._tasks = self._tasks or AsyncSession(**self._own)
        return _answer(await self._tasks.get(url))


def _answer(response: Any) -> Answer:
    return Answer(response.status_code, response.content)


LARGEST = {"curl_options": {CurlOpt.MAXFILESIZE_LARGE: 1 << 20}}
CACHE = {"cache": curl_cffi.FileCacheBackend(path=mkdtemp(), expires=timedelta(minutes=1))}
add_behaviours(
    probes,
    CurlCffi,
    {
        "silent": [("`timeout=1`", {"timeout": 1})],
        "drip": [("`timeout=1`", {"timeout": 1})],
        "cache": [("`cache=timedelta(...)`", CACHE)],
        "gevent": [('`Session(thread="gevent")`', {"thread": "gevent"})],
        "flood": [("`curl_options={CurlOpt.MAXFILESIZE_LARGE: ...}`", LARGEST)],
        "environment-proxy": [("`trust_env=False`", {"trust_env": False})],
        "zstd": [('`accept_encoding="zstd"`', {"accept_encoding": "zstd"})],
    },
)
add_coroutines(probes, CurlCffi)
probes.absent(
    "asgi", "breaker", "callback", "double", "failover", "fleet", "hooks", "links", "metrics",
    "named", "path-values", "rate", "recordings", "resume", "retry-after", "stored", "traces",
    "trio",
    but=r"content_callback|response_callback|Curl(ECode|Info|Opt)\.|sendfile|\.trace\b"
    r"|with_traceback|record_size|_asyncio_selector|curl_cffi\.curl\.\w+_callback",
)  # fmt: skip
probes.add("typed", lambda _: kit.is_typed("curl_cffi"))


@probes("blocking")
def blocking(place: Place) -> Any:
    return curl_cffi.get(place.at("/blocking")).text


@probes("unix", "`curl_options={CurlOpt.UNIX_SOCKET_PATH: ...}`")
def unix(place: Place) -> Any:
    with Session(curl_options={CurlOpt.UNIX_SOCKET_PATH: place["unix"]}) as session:
        return session.get("http://service/by-unix").text


@probes("http3", '`http_version="v3only"`')
def http3(place: Place) -> Any:
    return curl_cffi.get(place["h3"], http_version="v3only", verify=place["ca"]).text


@probes("websocket")
def websocket(place: Place) -> Any:
    with Session() as session:
        connected = session.ws_connect(place.at("/ws").replace("http:", "ws:"))
        connected.send_str("hello")
        return connected.recv_str()


@probes("impersonation", '`impersonate="chrome"`')
def impersonation(place: Place) -> None:
    curl_cffi.get(place["hello"], impersonate="chrome")


@probes("stream-down", "`stream=True`")
def stream_down(place: Place) -> int:
    # To close it would wait for the end of what has none.
    response = Session().get(place.at("/flood"), stream=True)
    next(response.iter_content())
    return kit.taken(place)


@probes("stream-up")
def stream_up(place: Place) -> Any:
    return curl_cffi.post(place.at("/upload"), content=place.chunks()).status_code


@probes("multipart")
def multipart(place: Place) -> int:
    def send() -> None:
        form = CurlMime()
        form.addpart(name="file", filename="name", local_path=Path(place["file"]))
        curl_cffi.post(place.at("/upload"), multipart=form)

    return kit.extra_memory_bytes(send)


@probes("basic")
def basic(place: Place) -> Any:
    return curl_cffi.get(place.at("/basic"), auth=("alice", "secret")).status_code


@probes("digest", "`curl_options={CurlOpt.HTTPAUTH: ...}`")
def digest(place: Place) -> Any:
    with Session(curl_options={CurlOpt.HTTPAUTH: 2}) as session:
        return session.get(place.at("/digest"), auth=("alice", "secret")).status_code


@probes("bearer", "`curl_options={CurlOpt.XOAUTH2_BEARER: ..., CurlOpt.HTTPAUTH: ...}`")
def bearer(place: Place) -> Any:
    options = {CurlOpt.XOAUTH2_BEARER: b"secret", CurlOpt.HTTPAUTH: 64}
    with Session(curl_options=options) as session:
        return session.get(place.at("/bearer")).status_code


@probes("retry", "`retry=3`")
def retry(place: Place) -> Any:
    with Session(retry=3) as session:
        return session.get(place.at("/busy")).status_code


@probes("retry", "`retry=3, raise_for_status=True`")
def retry_raised(place: Place) -> Any:
    with Session(retry=3, raise_for_status=True) as session:
        return session.get(place.at("/busy")).status_code


@probes("limit", "`AsyncSession(max_clients=2)`")
def limit(place: Place) -> list[str]:
    async def call() -> list[str]:
        async with AsyncSession(max_clients=2) as session:
            calls = (session.get(place.at("/slow")) for _ in range(6))
            return [each.text for each in await asyncio.gather(*calls)]

    return asyncio.run(call())


@probes("raise-for-status")
def raise_for_status(place: Place) -> str:
    try:
        curl_cffi.get(place.at("/missing")).raise_for_status()
    except curl_cffi.exceptions.HTTPError as error:
        return str(error)
    return "nothing was raised"


@probes("history")
def history(place: Place) -> list[Any]:
    return [each.status_code for each in curl_cffi.get(place.at("/near")).history]


@probes("timings", "`curl_infos=[...]`")
def timings(place: Place) -> dict[str, Any]:
    names = {
        "connect": CurlInfo.CONNECT_TIME,
        "first_byte": CurlInfo.STARTTRANSFER_TIME,
        "total": CurlInfo.TOTAL_TIME,
    }
    with Session(curl_infos=list(names.values())) as session:
        infos = session.get(place.at("/timed")).infos
    return {name: infos[info] for name, info in names.items() if info in infos}
