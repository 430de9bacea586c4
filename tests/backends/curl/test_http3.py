"""HTTP/3, where libcurl has it, against aioquic's QUIC."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pycurl
import pytest
import trustme

from conftest import server_context
from onehttp_backends.contract import HttpVersion, Request, Tls, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import (
    ConnectError,
    RequestError,
    Sent,
    TimeoutError,
    TLSError,
    TransferError,
)
from servers.multiplexing.http3 import Http3Server
from servers.patience import PATIENCE_S
from servers.raw import RawServer, echo
from stand_ins.ways import WAYS, Way

pytestmark = pytest.mark.skipif(
    not pycurl.version_info()[4] & pycurl.VERSION_HTTP3, reason="libcurl was built without HTTP/3"
)
TRUSTED = ("blocking", "awaited", "called_back")


@pytest.fixture
def engine() -> Iterator[PycurlBackend]:
    made = PycurlBackend()
    yield made
    made.close()


@pytest.fixture
def options(trusting: TransferOptions) -> TransferOptions:
    return replace(
        trusting,
        http_version=HttpVersion.HTTP_3,
        total_timeout_s=PATIENCE_S,
        connect_timeout_s=PATIENCE_S,
    )


@pytest.fixture
def server(authority: trustme.CA, tmp_path: Path) -> Iterator[Http3Server]:
    with Http3Server(authority, tmp_path) as running:
        yield running


@pytest.mark.parametrize("way", WAYS[:3], ids=TRUSTED)
def test_an_exchange(
    way: Way, engine: PycurlBackend, options: TransferOptions, server: Http3Server
) -> None:
    for method, body in (("GET", None), ("POST", b"x" * 300_000), ("PUT", b"")):
        request = Request(method, f"{server.url}/x?q", (("X-A", "b"),), body, options)
        response = way(engine, request)
        assert not isinstance(response, TransferError)
        assert (response.status, response.http_version) == (200, "3")
        assert response.body == b"/x?q " + (body or b"")
        assert response.headers["X-Of"] == "http3"
    heads = [head for head, _ in server.requests]
    assert [head[b":method"] for head in heads] == [b"GET", b"POST", b"PUT"]
    assert heads[0][b"x-a"] == b"b"
    assert server.connections == 1


def test_many_at_once_are_streams_of_one_connection(
    engine: PycurlBackend, options: TransferOptions, server: Http3Server
) -> None:
    async def many() -> set[bytes]:
        requests = (Request("GET", f"{server.url}/{n}", (), None, options) for n in range(50))
        answers = await asyncio.gather(*map(engine.aperform, requests))
        return {answer.body for answer in answers}

    engine.perform(Request("GET", server.url, (), None, options))
    assert asyncio.run(many()) == {f"/{n} ".encode() for n in range(50)}
    assert server.connections == 1


def test_a_server_that_begins_anew_is_found_again(
    engine: PycurlBackend, options: TransferOptions, authority: trustme.CA, tmp_path: Path
) -> None:
    with Http3Server(authority, tmp_path) as first:
        request = Request("GET", first.url, (), None, options)
        assert engine.perform(request).status == 200
    for method in ("GET", "POST"):
        gone = request._replace(method=method, body=b"" if method == "POST" else None)
        with pytest.raises(ConnectError) as raised:
            engine.perform(gone)
        assert raised.value.sent is Sent.NO
    with Http3Server(authority, tmp_path, first.port):
        assert engine.perform(request).status == 200


def test_a_server_without_it_is_asked_by_tcp(
    engine: PycurlBackend, options: TransferOptions, authority: trustme.CA
) -> None:
    with RawServer(echo, tls=server_context(authority, "127.0.0.1")) as server:
        response = engine.perform(Request("GET", server.url, (), None, options))
    assert (response.status, response.http_version) == (200, "1.1")


def test_a_server_that_never_answers_costs_the_time_limit(
    engine: PycurlBackend, options: TransferOptions
) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.create_server(("127.0.0.1", 0)) as tcp,
    ):
        udp.bind(tcp.getsockname())
        url = f"https://127.0.0.1:{tcp.getsockname()[1]}/"
        request = Request("GET", url, (), None, options, total_timeout_s=0.5)
        with pytest.raises(TimeoutError) as raised:
            engine.perform(request)
    assert raised.value.sent is Sent.NO


def test_whom_nobody_trusts_is_sent_nothing(
    engine: PycurlBackend, options: TransferOptions, server: Http3Server, tmp_path: Path
) -> None:
    path = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(path)
    mistrusting = replace(options, tls=Tls(ca_file=str(path)))
    with pytest.raises(TLSError) as raised:
        engine.perform(Request("GET", server.url, (), None, mistrusting))
    assert raised.value.sent is Sent.NO
    assert server.requests == []


def test_a_name_that_the_certificate_has_not_is_refused(
    engine: PycurlBackend, options: TransferOptions, authority: trustme.CA, tmp_path: Path
) -> None:
    with Http3Server(authority, tmp_path, names=("other.example",)) as server:
        with pytest.raises(TLSError):
            engine.perform(Request("GET", server.url, (), None, options))
        assert server.requests == []


def test_public_peers_alone_holds_for_quic_too(
    engine: PycurlBackend, options: TransferOptions, server: Http3Server
) -> None:
    with pytest.raises(TransferError) as raised:
        engine.perform(Request("GET", server.url, (), None, replace(options, peers="public")))
    assert raised.value.code == 7
    assert server.requests == []


def test_headers_are_checked_as_ever(
    engine: PycurlBackend, options: TransferOptions, server: Http3Server
) -> None:
    with pytest.raises(RequestError):
        engine.perform(Request("GET", server.url, (("X", "a\r\nb"),), None, options))
