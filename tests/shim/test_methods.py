"""Which methods go out, whatever way a call is made; what is refused reaches no server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer

Way = Callable[[Any, str, dict[str, Any]], int]
BODIES: dict[str, Callable[[], object]] = {
    "bytes": lambda: b"x",
    "nothing": lambda: b"",
    "pieces": lambda: iter([b"x"]),
}
REFUSED = [
    *(
        "CONNECT",
        "connect",
        "Connect",
        "",
        " GET",
        "GET ",
        "GE T",
        "GET\r",
        "GET\n",
        "GET\0",
        "GET/",
    ),
    *(
        "GET:",
        "GÉT",
        "\uff27\uff25\uff34",
        "(GET)",
        "GET\t",
        "GET\x7f",
        "GET\ud800",
        None,
        1,
        True,
        b"GET",
        ["GET"],
    ),
]
SENT = {
    **{method: method for method in ("GET", "HEAD", "OPTIONS", "TRACE", "POST", "M-SEARCH")},
    **{method: method.upper() for method in ("get", "Post", "trace", "head")},
    **{method: method for method in ("CONNECTED", "PROPFIND", "a" * 300, "!#$%&'*+.^_`|~0")},
}


def answer(peer: Peer) -> None:
    while request := peer.request():
        peer.send(OK[:-2] if request.startswith(b"HEAD ") else OK)


@pytest.fixture
def server(engine: str) -> Iterator[RawServer]:
    with RawServer(answer) as running:
        named = {"url": running.url, "retry": {"attempts": 2}}
        onehttp.init({"version": 1, "connections": {"named": named}}, backend=engine)
        yield running


def blocking(target: Any, method: str, call: dict[str, Any]) -> int:
    status: int = target.request(method, **call).status
    return status


def awaited(target: Any, method: str, call: dict[str, Any]) -> int:
    async def wait() -> int:
        response = await target.arequest(method, **call)
        status: int = response.status
        return status

    return asyncio.run(wait())


def submitted(target: Any, method: str, call: dict[str, Any]) -> int:
    result = target.submit(method, **call).result(PATIENCE_S)
    if result.error is not None:
        raise result.error
    status: int = result.response.status
    return status


def streamed(target: Any, method: str, call: dict[str, Any]) -> int:
    with target.stream(method, **call) as response:
        response.read()
        status: int = response.status
        return status


WAYS: list[Way] = [blocking, awaited, submitted, streamed]


def targets(server: RawServer) -> list[tuple[Any, dict[str, Any]]]:
    """A named connection, and a URL."""
    return [(onehttp.connection("named"), {}), (onehttp, {"url": f"{server.url}/"})]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", REFUSED)
def test_what_is_no_method_of_a_call(server: RawServer, way: Way, method: Any) -> None:
    for target, call in targets(server):
        with pytest.raises(onehttp.RequestError) as caught:
            way(target, method, dict(call))
        assert (caught.value.code, caught.value.sent) == (43, onehttp.Sent.NO)
        assert "method" in str(caught.value)
    assert server.connections == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("method", ["HEAD", "TRACE", "head", "trace"])
def test_what_has_no_body(server: RawServer, way: Way, method: str, body: str) -> None:
    for target, call in targets(server):
        with pytest.raises(onehttp.RequestError, match="body"):
            way(target, method, {**call, "body": BODIES[body]()})
    assert server.requests == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", SENT)
def test_what_goes_out(server: RawServer, way: Way, method: str) -> None:
    for target, call in targets(server):
        assert way(target, method, dict(call)) == 200
    assert server.targets == [f"{SENT[method]} /"] * 2
