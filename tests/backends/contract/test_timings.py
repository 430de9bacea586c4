"""The times of a response, and whether its connection existed before: alike on every engine."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import pytest

from backends.contract.test_digest import DIGEST, challenging
from onehttp_backends.contract import (
    Backend,
    HttpVersion,
    Proxy,
    Request,
    Response,
    TransferOptions,
)
from onehttp_backends.optional.streaming import Opening, Streaming, StreamLimits
from servers.multiplexing.http2 import Http2Server
from servers.proxies import socks, tunnel
from servers.raw import OK, Behaviour, Peer, RawServer, keep_answering, redirecting_to

ALWAYS = {"queue_us", "pretransfer_us", "posttransfer_us", "starttransfer_us", "total_us"}
TCP = {"lookup_us", "connect_us"}
TLS = {"appconnect_us"}
HOPS = {"redirect_us"}
TO_ITSELF = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"


def to_itself(peer: Peer) -> None:
    while request := peer.request():
        peer.send(TO_ITSELF if request.startswith(b"GET / ") else OK)


@contextmanager
def plain(behaviour: Behaviour, **options: object) -> Iterator[Request]:
    with RawServer(behaviour) as server:
        yield Request("GET", server.url, options=TransferOptions(**options))  # type: ignore[arg-type]


@contextmanager
def by_name() -> Iterator[Request]:
    with RawServer(keep_answering) as server:
        yield Request("GET", f"http://localhost:{server.port}")


@contextmanager
def by_http2() -> Iterator[Request]:
    options = TransferOptions(http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE)
    with Http2Server() as server:
        yield Request("GET", server.url, options=options)


@contextmanager
def redirected() -> Iterator[Request]:
    with (
        RawServer(keep_answering) as target,
        plain(redirecting_to(target.url), max_redirects=2) as at,
    ):
        yield at


@contextmanager
def through(proxy: Behaviour, scheme: str) -> Iterator[Request]:
    with RawServer(keep_answering) as target, RawServer(proxy) as between:
        options = TransferOptions(proxy=Proxy(url=between.url.replace("http", scheme)))
        yield Request("GET", target.url, options=options)


Scene: TypeAlias = "tuple[Callable[[], Any], set[str], set[str] | None]"
SCENES: dict[str, Scene] = {
    "an address": (lambda: plain(keep_answering), TCP, set()),
    "a name": (by_name, TCP, set()),
    "each on its own": (lambda: plain(keep_answering, reuse=False), TCP, None),
    "HTTP/2": (by_http2, TCP, set()),
    "redirected": (redirected, TCP | HOPS, HOPS),
    "redirected to itself": (lambda: plain(to_itself, max_redirects=2), TCP | HOPS, HOPS),
    "asked for a proof": (lambda: plain(challenging, auth=DIGEST), TCP, set()),
    "through a proxy": (lambda: through(tunnel, "http"), TCP, set()),
    "through SOCKS": (lambda: through(socks(), "socks5h"), TCP, set()),
}  # fmt: skip


def check(response: Response, phases: set[str], is_reused: bool) -> None:
    times = response.timings._asdict()
    assert {name for name, us in times.items() if us} == ALWAYS | phases
    assert response.is_reused is is_reused
    assert times["queue_us"] <= times["pretransfer_us"] <= times["starttransfer_us"]
    assert times["starttransfer_us"] <= times["total_us"]
    assert times["redirect_us"] < times["total_us"]
    assert response.elapsed.total_seconds() == times["total_us"] / 1e6


@pytest.mark.parametrize("scene", SCENES)
def test_they_are_of_the_same_phases(backend: Backend, scene: str) -> None:
    served, phases, kept_phases = SCENES[scene]
    with served() as request:
        check(backend.perform(request), phases, is_reused=False)
        second = asyncio.run(_awaited(backend, request))
        check(second, phases if kept_phases is None else kept_phases, kept_phases is not None)


def test_tls_has_a_time_of_its_own(
    backend: Backend, tls_server_context: ssl.SSLContext, trusting: TransferOptions
) -> None:
    with RawServer(keep_answering, tls_server_context) as server:
        request = Request("GET", server.url, options=trusting)
        check(backend.perform(request), TCP | TLS, is_reused=False)
        check(backend.perform(request), set(), is_reused=True)
        with RawServer(tunnel) as proxy:
            options = TransferOptions(tls=trusting.tls, proxy=Proxy(url=proxy.url))
            request = request._replace(options=options)
            check(backend.perform(request), TCP | TLS, is_reused=False)
            check(backend.perform(request), set(), is_reused=True)


def test_the_times_of_a_stream_are_those_of_its_end(backend: Backend) -> None:
    def in_two(peer: Peer) -> None:
        while peer.request():
            peer.send(OK[:-1])
            peer.server.release.wait()
            peer.send(OK[-1:])

    assert isinstance(backend, Streaming)
    with RawServer(in_two) as server:
        opened = backend.open(Opening(Request("GET", server.url), StreamLimits()))
        at_the_head = opened.response.timings
        taken = opened.take()
        server.release.set()
        while piece := opened.take():
            taken += piece
        assert b"".join(taken) == b"ok"
        assert at_the_head.total_us < opened.response.timings.total_us
        assert at_the_head[:-1] == opened.response.timings[:-1]
        opened.close()


async def _awaited(backend: Backend, request: Request) -> Response:
    return await backend.aperform(request)
