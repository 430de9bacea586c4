"""What comes behind a body (RFC 9110, 6.5) changes nothing of what was said before it; and what is
no HTTP any more is no body, whoever reads it."""

from __future__ import annotations

from typing import Any

import pytest

import onehttp
from servers.raw import Behaviour, Peer, RawServer, keep_answering
from stand_ins.calling import WAYS_TO_CALL, call

OTHER_PATH = b"Location: /other"
WHAT = {
    "where to": OTHER_PATH,
    "a cookie": b"Set-Cookie: a=b; Path=/",
    "a length": b"Content-Length: 500",
    "a coding": b"Content-Encoding: gzip",
    "chunks": b"Transfer-Encoding: chunked",
    "a type": b"Content-Type: text/plain; charset=utf-16",
    "when": b"Retry-After: 600",
    "what was said": b"X-Before: two",
}


def trailing(trailer: bytes) -> Behaviour:
    def behave(peer: Peer) -> None:
        while peer.request():
            peer.send(
                b"HTTP/1.1 302 X\r\nX-Before: one\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"2\r\nok\r\n0\r\n" + trailer + b"\r\n\r\n"
            )

    return behave


def begun(engine: str, url: str) -> None:
    api: dict[str, Any] = {
        "url": url,
        "cookies": True,
        "decompress": True,
        "redirects": 3,
        "retry": {"attempts": 2, "statuses": [503]},
    }
    onehttp.init({"version": 1, "connections": {"api": api}}, backend=engine)


@pytest.mark.parametrize("way", WAYS_TO_CALL[3:])
@pytest.mark.parametrize("trailer", WHAT.values(), ids=WHAT)
def test_no_trailer_is_believed(way: str, trailer: bytes, engine: str) -> None:
    with RawServer(trailing(trailer)) as server:
        begun(engine, server.url)
        for _ in range(2):
            response = call(way, server.url, follow_redirects=True)
            assert (response.status, response.text) == (302, "ok")
            told = (("X-Before", "one"), ("Transfer-Encoding", "chunked"))
            assert response.headers.pairs == told
            name, _, value = trailer.decode().partition(": ")
            assert response.trailers.pairs == ((name, value),)
            assert not response.is_redirect
    assert server.targets == ["GET /x"] * 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


def test_there_may_be_none(api: str) -> None:
    with RawServer(keep_answering) as server:
        response = onehttp.request("GET", server.url)
        assert (response.trailers.pairs, len(response.headers)) == ((), 1)


@pytest.mark.parametrize("rest", [b"", b"more", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
def test_a_stream_of_another_protocol_is_none(rest: bytes, api: str) -> None:
    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" + rest)
            peer.wait_for_close()

    with RawServer(behave) as server, pytest.raises(onehttp.DisconnectedError) as caught:
        onehttp.stream("GET", server.url).__enter__()
    assert (caught.value.code, caught.value.sent) == (52, onehttp.Sent.YES)
