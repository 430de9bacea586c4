"""Legacy calls over connections of connections.yaml: what the file says of them applies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import onehttp
from onehttp_compat.server import LegacyServer
from servers.raw import OK, Peer, RawServer, answering, echo, redirecting_to


@pytest.fixture(params=["pycurl", "httpx"])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    name: str = request.param
    onehttp.shutdown()
    yield name
    onehttp.shutdown()


def server_with(engine: str, **connections: dict[str, Any]) -> LegacyServer:
    onehttp.init(connections={"version": 1, "connections": connections}, backend=engine)
    server = LegacyServer()
    server.start()
    return server


BROKEN = answering(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")


def test_failover_of_the_file_applies_to_http_connect(engine: str) -> None:
    with RawServer(BROKEN) as bad, RawServer(echo) as good:
        server = server_with(
            engine, api={"url": bad.url, "failover": "backup"}, backup={"url": f"{good.url}/v2"}
        )
        assert server.call("http_connect", ("api", "/x", "$var(r)")) == 200
        assert good.targets == ["GET /v2/x"]
        assert server.counters["httpclient.connok"] == 1
        assert server.counters["httpclient.connfail"] == 0


def test_retries_of_the_file_apply_to_curl_connect(engine: str) -> None:
    def busy_once(peer: Peer) -> None:
        while peer.request():
            is_first = len(peer.server.requests) == 1
            peer.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n" if is_first else OK)

    with RawServer(busy_once) as target:
        retry = {"attempts": 2, "backoff": 0.001}
        server = server_with(engine, api={"url": target.url, "retry": retry})
        assert server.call("curl_connect", ("api", "/x", "$var(r)")) == 200
        assert target.targets == ["GET /x"] * 2


def test_an_open_circuit_gives_libcurls_code_of_a_refused_connection(engine: str) -> None:
    with RawServer(BROKEN) as bad:
        server = server_with(engine, api={"url": bad.url, "circuit_breaker": 1})
        assert server.call("http_connect", ("api", "/", "$var(r)")) == 503
        assert server.call("http_connect", ("api", "/", "$var(r)")) == 7
        assert len(bad.requests) == 1


def test_redirects_headers_and_parameters_of_the_file_apply(engine: str) -> None:
    with RawServer(echo) as target, RawServer(redirecting_to(target.url)) as first:
        api = {
            "url": f"{first.url}/v1",
            "redirects": True,
            "params": {"k": "v"},
            "headers": {"X-Own": "yes"},
        }
        server = server_with(engine, api=api)
        assert server.call("http_connect", ("api", "/x", "$var(r)")) == 200
        assert first.targets == ["GET /v1/x?k=v"]
        assert b"X-Own: yes" in first.requests[0]
        assert target.targets == ["GET /"]
        assert server.call("http_get_redirect", ("api", "$var(u)")) == 1
        assert server.pv.get("$var(u)") == f"{target.url}/".encode()


def test_a_body_is_posted_with_the_content_type_of_the_call(engine: str) -> None:
    with RawServer(echo) as target:
        server = server_with(engine, api={"url": target.url})
        arguments = ("api", "/x", "text/plain", "hello", "$var(r)")
        assert server.call("http_connect", arguments) == 200
        assert target.targets == ["POST /x"]
        assert b"Content-Type: text/plain\r\n" in target.requests[0]
        assert target.requests[0].endswith(b"hello")
