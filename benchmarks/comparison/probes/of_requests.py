"""requests."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPDigestAuth
from urllib3.util import Retry

from benchmarks.comparison.probes import kit
from benchmarks.comparison.probes.behaviour import Answer, add_behaviours
from benchmarks.comparison.probes.kit import Place, Probes

probes = Probes("requests")


class Requests:
    """A session."""

    def __init__(
        self,
        follow: bool = False,
        proxy: str = "",
        ca: str = "",
        timeout: float | None = None,
        trust_env: bool = True,
    ) -> None:
        self._session = requests.Session()
        self._session.trust_env = trust_env
        if proxy:
            self._session.proxies = {"http": proxy, "https": proxy}
        self._call: dict[str, Any] = {"allow_redirects": follow, "verify": ca or True}
        if timeout:
            self._call["timeout"] = timeout

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return _answer(self._session.get(url, headers=headers, **self._call))

    def post(self, url: str, body: bytes) -> Answer:
        return _answer(self._session.post(url, data=body, **self._call))


def _answer(response: requests.Response) -> Answer:
    return Answer(response.status_code, response.content)


add_behaviours(
    probes,
    Requests,
    {
        "silent": [("`timeout=1`", {"timeout": 1})],
        "drip": [("`timeout=1`", {"timeout": 1})],
        "environment-proxy": [("`session.trust_env = False`", {"trust_env": False})],
        "netrc": [("`session.trust_env = False`", {"trust_env": False})],
        "brotli": [("package `brotli`", {})],
        "zstd": [("package `backports.zstd`", {})],
        "socks": [("extra `socks`", {})],
    },
)
probes.absent(
    "asgi", "asyncio", "bearer", "breaker", "callback", "http3", "failover", "fleet",
    "impersonation", "loops", "metrics", "multiplex", "named", "path-values", "rate", "recordings",
    "resume", "shared", "stored", "traces", "trio", "unix", "websocket",
)  # fmt: skip
probes.absent("double", but=r"cookies\.MockRe")
probes.add("typed", lambda _: kit.is_typed("requests"))


@probes("blocking")
def blocking(place: Place) -> str:
    return requests.get(place.at("/blocking")).text


@probes("stream-down", "`stream=True`")
def stream_down(place: Place) -> int:
    with requests.get(place.at("/flood"), stream=True) as response:
        next(response.iter_content(1024))
        return kit.taken(place)


@probes("stream-up")
def stream_up(place: Place) -> int:
    return requests.post(place.at("/upload"), data=place.chunks()).status_code


@probes("multipart")
def multipart(place: Place) -> int:
    def send() -> None:
        with Path(place["file"]).open("rb") as file:
            requests.post(place.at("/upload"), files={"file": ("name", file)})

    return kit.extra_memory_bytes(send)


@probes("basic")
def basic(place: Place) -> int:
    return requests.get(place.at("/basic"), auth=("alice", "secret")).status_code


@probes("digest")
def digest(place: Place) -> int:
    return requests.get(place.at("/digest"), auth=HTTPDigestAuth("alice", "secret")).status_code


def _session(**adapter: Any) -> requests.Session:
    session = requests.Session()
    session.mount("http://", HTTPAdapter(**adapter))
    return session


@probes("retry", "`HTTPAdapter(max_retries=Retry(...))` of urllib3")
def retry(place: Place) -> int:
    retries = Retry(total=3, status_forcelist=[503], backoff_factor=0.1)
    return _session(max_retries=retries).get(place.at("/busy")).status_code


@probes("retry-after", "`HTTPAdapter(max_retries=Retry(...))` of urllib3")
def retry_after(place: Place) -> str:
    retries = Retry(total=3, status_forcelist=[503], backoff_factor=0)
    session = _session(max_retries=retries)
    return kit.waited(lambda: session.get(place.at("/later")).status_code)


@probes("limit", "`HTTPAdapter(pool_maxsize=2, pool_block=True)`")
def limit(place: Place) -> list[str]:
    session = _session(pool_maxsize=2, pool_block=True)
    with ThreadPoolExecutor(6) as threads:
        return list(threads.map(lambda _: session.get(place.at("/slow")).text, range(6)))


@probes("hooks", '`auth=...` before, `hooks={"response": ...}` after')
def hooks(place: Place) -> list[str]:
    seen: list[str] = []

    def before(request: requests.PreparedRequest) -> requests.PreparedRequest:
        seen.append(str(request.method))
        return request

    def on_response(response: requests.Response, **_: Any) -> None:
        seen.append(str(response.status_code))

    requests.get(place.at("/hooked"), auth=before, hooks={"response": on_response})
    return seen


@probes("raise-for-status")
def raise_for_status(place: Place) -> str:
    try:
        requests.get(place.at("/missing")).raise_for_status()
    except requests.HTTPError as error:
        return str(error)
    return "nothing was raised"


@probes("links")
def links(place: Place) -> Any:
    return requests.get(place.at("/linked")).links["next"]["url"]


@probes("history")
def history(place: Place) -> list[int]:
    return [each.status_code for each in requests.get(place.at("/near")).history]


@probes("timings")
def timings(place: Place) -> dict[str, Any]:
    """`elapsed` ends with the head."""
    return {"first_byte": requests.get(place.at("/timed")).elapsed.total_seconds()}
