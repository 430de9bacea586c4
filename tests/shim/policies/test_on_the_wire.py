"""Policies over real sockets, with each engine and each way to call."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.ports import free_port
from servers.raw import OK, Peer, RawServer, echo


@pytest.fixture(params=["thread", "task", "callback"])
def way(request: pytest.FixtureRequest) -> str:
    """How the call is made."""
    name: str = request.param
    return name


def call(way: str, method: str, path: str = "", **arguments: Any) -> onehttp.Response:
    """A call on the connection ``api``."""
    api = onehttp.connection("api")
    if way == "thread":
        return api.request(method, path, **arguments)
    if way == "task":

        async def called() -> onehttp.Response:
            return await api.arequest(method, path, **arguments)

        return asyncio.run(called())
    result = api.submit(method, path, **arguments).result(PATIENCE_S)
    if result.response is None:
        assert result.error is not None
        raise result.error
    return result.response


def connect(engine: str, **connections: dict[str, Any]) -> None:
    onehttp.init(connections={"version": 1, "connections": connections}, backend=engine)


@pytest.fixture
def refusing() -> str:
    """An address where nobody listens."""
    return f"http://127.0.0.1:{free_port()}"


def cut_once(peer: Peer) -> None:
    """The first connection ends after its request, the others answer."""
    peer.request()
    if peer.number > 1:
        peer.send(OK)


def test_a_refused_connection_fails_over(engine: str, way: str, refusing: str) -> None:
    with RawServer(echo) as server:
        connect(
            engine,
            api={"url": refusing, "failover": "backup", "timeout": PATIENCE_S},
            backup={"url": f"{server.url}/v2"},
        )
        assert call(way, "POST", "/x", body=b"data").status == 200
        assert server.targets == ["POST /v2/x"]
        assert server.requests[0].endswith(b"data")


def test_a_request_cut_off_is_repeated_if_that_does_no_harm(engine: str, way: str) -> None:
    retry = {"attempts": 3, "backoff": 0.001}
    with RawServer(cut_once) as server:
        connect(engine, api={"url": server.url, "retry": retry, "timeout": PATIENCE_S})
        assert call(way, "GET").text == "ok"
        assert len(server.requests) == 2


def test_a_post_cut_off_arrives_once(engine: str, way: str) -> None:
    retry = {"attempts": 3, "backoff": 0.001}
    with RawServer(cut_once) as server, RawServer(echo) as other:
        connect(
            engine,
            api={"url": server.url, "retry": retry, "failover": "other", "timeout": PATIENCE_S},
            other={"url": other.url},
        )
        with pytest.raises(onehttp.DisconnectedError) as caught:
            call(way, "POST", body=b"pay")
        assert caught.value.sent is onehttp.Sent.MAYBE
        assert (len(server.requests), len(other.requests)) == (1, 0)


def test_an_open_circuit_opens_no_connection(engine: str, way: str) -> None:
    def failing(peer: Peer) -> None:
        while peer.request():
            peer.send(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")

    with RawServer(failing) as server:
        connect(engine, api={"url": server.url, "circuit_breaker": 2, "timeout": PATIENCE_S})
        assert [call(way, "GET").status for _ in range(2)] == [500, 500]
        with pytest.raises(onehttp.CircuitOpenError):
            call(way, "GET")
        assert len(server.requests) == 2


def test_a_silent_server_costs_one_attempts_time_and_the_next_answers(
    engine: str, way: str
) -> None:
    def silent_at_first(peer: Peer) -> None:
        peer.request()
        if peer.number == 1:
            peer.wait_for_close()
        else:
            peer.send(OK)

    # On a busy machine the server's answer may take longer than one attempt may, or two.
    retry = {"attempts": 20, "backoff": 0.001}
    timeout = {"total": PATIENCE_S, "attempt": 0.3}
    with RawServer(silent_at_first) as server:
        connect(engine, api={"url": server.url, "retry": retry, "timeout": timeout})
        assert call(way, "GET").text == "ok"
        assert len(server.requests) >= 2


@pytest.mark.parametrize(
    "encoded", ["voil\u00e0".encode(), b"\xa0\x85", "\u00c5".encode(), b"\x1c"]
)
def test_a_location_keeps_its_last_byte(engine: str, way: str, encoded: bytes) -> None:
    """To Python it may be a blank."""

    def leads_on(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 302 Found\r\nLocation: /" + encoded + b"\r\nContent-Length: 0\r\n\r\n")
        peer.request()
        peer.send(OK)

    with RawServer(leads_on) as server:
        connect(engine, api={"url": server.url, "redirects": True})
        assert call(way, "GET").status == 200
        assert unquote_to_bytes(server.targets[1]) == b"GET /" + encoded
