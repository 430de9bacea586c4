"""onehttp: its calls."""

from __future__ import annotations

import threading
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import onehttp
from benchmarks.comparison.probes import kit
from benchmarks.comparison.probes.behaviour import Answer, add_behaviours
from benchmarks.comparison.probes.coroutines import add_coroutines
from benchmarks.comparison.probes.kit import Place, Probes

probes = Probes("onehttp")


def begin(connections: Mapping[str, Any] | None = None, **settings: Any) -> None:
    """An engine with these connections."""
    onehttp.shutdown()
    onehttp.init({"version": 1, "connections": connections or {}}, **settings)


class Onehttp:
    """The engine of this process, begun anew."""

    def __init__(self, follow: bool = False, proxy: str = "", ca: str = "", **own: Any) -> None:
        self._call: dict[str, Any] = {"follow_redirects": True} if follow else {}
        if proxy:
            own["proxy"] = {"url": proxy}
        if ca:
            own["tls"] = {"ca_file": ca}
        onehttp.shutdown()
        onehttp.init({"version": 1, "requests": own, "connections": {}})

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return _answer(onehttp.request("GET", url, headers=headers, **self._call))

    def post(self, url: str, body: bytes) -> Answer:
        return _answer(onehttp.request("POST", url, body=body, **self._call))

    def aget(self, url: str) -> Coroutine[Any, Any, Answer]:
        async def call() -> Answer:
            return _answer(await onehttp.arequest("GET", url))

        return call()


def _answer(response: onehttp.Response) -> Answer:
    return Answer(response.status, response.body)


add_behaviours(
    probes,
    Onehttp,
    {
        coding: [(f"`decompress: true`{extra}", {"decompress": True})]
        for coding, extra in {
            "gzip": "",
            "brotli": ", extra `codings`",
            "zstd": ", extra `codings`",
        }.items()
    },
)
add_coroutines(probes, Onehttp)
for feature in ("cookies", "hostile-cookie"):
    del probes.by_feature[feature]
probes.absent("impersonation", "trio", "websocket")
probes.add("typed", lambda _: kit.is_typed("onehttp"))


@probes("unix", "`socket: /run/app.sock` of a connection")
def unix(place: Place) -> str:
    begin({"app": {"url": "http://service", "socket": place["unix"]}})
    return onehttp.connection("app").get("/by-unix").text


@probes("blocking")
def blocking(place: Place) -> str:
    begin()
    return onehttp.request("GET", place.at("/blocking")).text


@probes("callback")
def callback(place: Place) -> str:
    begin()
    said: list[str] = []
    called = threading.Event()

    def on_answer(result: onehttp.Result) -> None:
        said.append(result.response.text if result.response else "failed")
        called.set()

    onehttp.submit("GET", place.at("/called"), route=on_answer)
    called.wait(5)
    return said[0]


@probes("http3", '`http_version: "3-only"`')
def http3(place: Place) -> str:
    versions = {"http_version": "3-only", "tls": {"ca_file": place["ca"]}}
    begin({"api": {"url": place["h3"], **versions}})
    return onehttp.connection("api").get("/").text


@probes("stream-down")
def stream_down(place: Place) -> int:
    begin()
    with onehttp.stream("GET", place.at("/flood"), timeout=30) as response:
        next(response.iter_bytes())
        return kit.taken(place)


@probes("resume")
def resume(place: Place) -> None:
    begin()
    with onehttp.stream("GET", place.at("/breaking")) as response:
        response.save(Path(place["folder"]) / "download")


@probes("stream-up")
def stream_up(place: Place) -> int:
    begin()
    return onehttp.request("POST", place.at("/upload"), body=place.chunks()).status


@probes("multipart")
def multipart(place: Place) -> int:
    begin()

    def send() -> None:
        with Path(place["file"]).open("rb") as file:
            onehttp.request("POST", place.at("/upload"), files={"file": ("name", file)}, timeout=30)

    return kit.extra_memory_bytes(send)


@probes("cookies", "`cookies: true`, extra `cookies`")
def cookies(place: Place) -> None:
    shop = _with_cookies("http://shop.example.com", place)
    shop.get("/cookie")
    shop.get("/after")


@probes("hostile-cookie")
def hostile_cookie(place: Place) -> None:
    _with_cookies("http://shop.co.uk", place).get("/hostile-cookie")


def _with_cookies(url: str, place: Place) -> onehttp.Connection:
    proxy = {"url": place["proxy"]}
    begin({"shop": {"url": url, "proxy": proxy, "cookies": True, "redirects": True}})
    return onehttp.connection("shop")


@probes("basic")
def basic(place: Place) -> int:
    begin()
    return onehttp.request("GET", place.at("/basic"), auth=("alice", "secret")).status


@probes("bearer")
def bearer(place: Place) -> int:
    begin()
    return onehttp.request("GET", place.at("/bearer"), auth=onehttp.Bearer("secret")).status


@probes("digest")
def digest(place: Place) -> int:
    begin()
    credentials = onehttp.Digest("alice", "secret")
    return onehttp.request("GET", place.at("/digest"), auth=credentials).status


@probes("path-values")
def path_values(place: Place) -> None:
    begin()
    onehttp.request("GET", place.at("/number/{number}"), path={"number": kit.IN_A_PATH})


@probes("raise-for-status")
def raise_for_status(place: Place) -> str:
    begin()
    try:
        onehttp.request("GET", place.at("/missing")).raise_for_status()
    except onehttp.HTTPStatusError as error:
        return str(error)
    return "nothing was raised"


@probes("links")
def links(place: Place) -> str:
    begin()
    return onehttp.request("GET", place.at("/linked")).links["next"].url


@probes("history")
def history(place: Place) -> list[int]:
    begin()
    response = onehttp.request("GET", place.at("/near"), follow_redirects=True)
    return [each.status for each in response.history]


@probes("timings")
def timings(place: Place) -> dict[str, Any]:
    begin()
    measured = onehttp.request("GET", place.at("/timed")).timings
    return {
        "connect": measured.connect_us,
        "first_byte": measured.starttransfer_us,
        "total": measured.total_us,
    }
