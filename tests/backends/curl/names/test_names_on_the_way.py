"""Names that redirects and proxies lead to, in every way to wait: libcurl looks up none."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from onehttp_backends.contract import Proxy, Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import (
    ResolveError,
    Sent,
    TimeoutError,
)
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer, answering, keep_answering
from stand_ins.resolver import Resolver
from stand_ins.ways import Way


def test_libcurl_looks_nothing_up_whatever_leads_to_a_name(
    engine: PycurlBackend, resolver: Resolver, way: Way
) -> None:
    """Nobody but the stand-in has addresses for these names."""

    def moving(peer: Peer) -> None:
        while request := peer.request():
            if b"/moved" in request:
                peer.send(
                    b"HTTP/1.1 302 Found\r\nLocation: http://next.example:%d/\r\n"
                    b"Content-Length: 0\r\n\r\n" % peer.server.port
                )
            else:
                peer.send(OK)

    for host in ("good", "proxy", "next"):
        resolver.knows(f"{host}.example", "127.0.0.1")
    with RawServer(moving) as server:
        port = server.port
        cases: list[tuple[str, dict[str, Any]]] = [
            (f"http://good.example:{port}/", {}),
            (f"http://good.example:{port}/moved", {"max_redirects": 2}),
            ("http://far.example/", {"proxy": Proxy(url=f"http://proxy.example:{port}")}),
            (f"http://good.example:{port}/", {"ip_version": "4"}),
        ]
        for url, more in cases:
            options = TransferOptions(total_timeout_s=PATIENCE_S, reuse=False, **more)
            outcome = way(engine, Request("GET", url, options=options))
            assert isinstance(outcome, Response), outcome


def test_a_redirect_that_libcurl_follows_waits_for_the_name_it_leads_to(
    engine: PycurlBackend, resolver: Resolver, way: Way
) -> None:
    resolver.knows("next.example", "127.0.0.1")
    with RawServer(keep_answering) as goal:
        location = f"http://next.example:{goal.port}/there"
        with RawServer(answering(_redirect(location))) as start:
            options = TransferOptions(max_redirects=2, total_timeout_s=PATIENCE_S)
            outcome = way(engine, Request("POST", start.url, body=b"x", options=options))
    assert isinstance(outcome, Response), outcome
    assert (outcome.status, outcome.redirect_count) == (200, 1)
    assert goal.targets == ["GET /there"]
    assert [head.get("location") for head in outcome.earlier_headers] == [location]


def test_a_redirect_to_a_name_without_address_is_a_failed_lookup(
    engine: PycurlBackend, resolver: Resolver, way: Way
) -> None:
    resolver.fails("gone.example", socket.EAI_NONAME)
    with RawServer(answering(_redirect("http://gone.example/"))) as start:
        options = TransferOptions(max_redirects=2, total_timeout_s=PATIENCE_S)
        outcome = way(engine, Request("GET", start.url, options=options))
    assert isinstance(outcome, ResolveError)
    assert (outcome.code, outcome.sent) == (6, Sent.YES)
    assert "gone.example" in str(outcome)


def test_a_redirect_to_a_name_that_nobody_answers_for_ends_in_time(
    engine: PycurlBackend, resolver: Resolver, way: Way
) -> None:
    with RawServer(answering(_redirect("http://dead.example/"))) as start:
        options = TransferOptions(max_redirects=2, total_timeout_s=0.3)
        outcome = way(engine, Request("GET", start.url, options=options))
    assert isinstance(outcome, TimeoutError)
    assert engine.stats().in_flight == 0


def test_a_proxys_name_is_looked_up_and_not_the_one_behind_it(
    engine: PycurlBackend, server: RawServer, resolver: Resolver, way: Way
) -> None:
    resolver.knows("proxy.example", "127.0.0.1")
    proxy = Proxy(url=f"http://proxy.example:{server.port}")
    options = TransferOptions(proxy=proxy, total_timeout_s=PATIENCE_S)
    outcome = way(engine, Request("GET", "http://far.example/x", options=options))
    assert isinstance(outcome, Response)
    assert server.targets == ["GET http://far.example/x"]
    assert set(resolver.asked) == {"proxy.example"}


def test_a_proxy_without_address_has_a_code_of_its_own(
    engine: PycurlBackend, resolver: Resolver, way: Way
) -> None:
    resolver.fails("proxy.example", socket.EAI_NONAME)
    options = TransferOptions(proxy=Proxy(url="http://proxy.example"), total_timeout_s=PATIENCE_S)
    outcome = way(engine, Request("GET", "http://far.example/", options=options))
    assert isinstance(outcome, ResolveError)
    assert (outcome.code, outcome.sent) == (5, Sent.NO)
    assert "Could not resolve proxy: proxy.example" in str(outcome)


@pytest.mark.parametrize("scheme", ["socks5", "socks4"])
def test_a_proxy_that_is_told_addresses_costs_a_lookup_of_either_name(
    engine: PycurlBackend, resolver: Resolver, way: Way, scheme: str
) -> None:
    resolver.knows("proxy.example", "127.0.0.1")
    resolver.knows("far.example", "192.0.2.7")
    told: list[bytes] = []
    with RawServer(lambda peer: _socks(peer, told)) as server:
        proxy = Proxy(url=f"{scheme}://proxy.example:{server.port}")
        options = TransferOptions(proxy=proxy, total_timeout_s=PATIENCE_S)
        outcome = way(engine, Request("GET", "http://far.example/x", options=options))
    assert isinstance(outcome, Response), outcome
    # On a first connection libcurl finds that it wants the other name, too; that one ends untold,
    # and its end may be seen last.
    assert socket.inet_aton("192.0.2.7") in told


def _redirect(location: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def _socks(peer: Peer, told: list[bytes]) -> None:
    """Serve one SOCKS request, whatever its version, and note the address it is for."""
    connection = peer.socket
    if connection.recv(1, socket.MSG_PEEK) == b"\x05":
        connection.recv(64)
        connection.sendall(b"\x05\x00")
        address = connection.recv(64)[4:8]
        connection.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
    else:
        address = connection.recv(64)[4:8]
        connection.sendall(b"\x00\x5a\x00\x00\x00\x00\x00\x00")
    told.append(address)
    peer.request()
    peer.send(OK)
