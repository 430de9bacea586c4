"""What policies, hooks and progress see of a response whose body is read piece by piece."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

import onehttp
from servers.raw import Peer, RawServer, answering, keep_answering, redirecting_to
from stand_ins.streams.reading import Reader, giving

Streamed = Callable[..., Any]
MIB = 1 << 20
WHOLE = os.urandom(5 * MIB + 7)  # more than is ever held


# ---- policies, which go by the head


def test_redirects_lead_to_the_body(streamed: Streamed) -> None:
    with RawServer(giving(WHOLE)) as target, RawServer(redirecting_to(target.url)) as server:
        stays = streamed(lambda r: r.response.status, "GET", server.url)

        def do(reader: Reader) -> bytes:
            assert reader.response.redirect_count == len(reader.response.history) == 1
            return reader.read()

        assert streamed(do, "GET", server.url, follow_redirects=True) == WHOLE
    assert stays == 302


def test_a_failed_attempt_is_made_again_and_its_body_is_nobodys(engine: str) -> None:
    def failing_first(peer: Peer) -> None:
        while peer.request():
            if len(server.requests) == 1:
                peer.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 100000\r\n\r\nfirst")
                return
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")

    with RawServer(failing_first) as server:
        named = {"api": {"url": server.url, "retry": {"attempts": 2, "backoff": {"base": 0.001}}}}
        onehttp.init({"version": 1, "connections": named}, backend=engine)
        with onehttp.connection("api").stream("GET") as response:
            assert (response.status, response.read()) == (200, b"second")
        assert onehttp.connection("api").counters.retries == 1


def test_what_breaks_off_later_is_not_made_again(engine: str) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    with RawServer(answering(half)) as server:
        named = {"api": {"url": server.url, "retry": 3}}
        onehttp.init({"version": 1, "connections": named}, backend=engine)
        api = onehttp.connection("api")
        with api.stream("GET") as response, pytest.raises(onehttp.DisconnectedError):
            response.read()
    assert len(server.requests) == 1


def test_another_connection_stands_in_before_the_body(engine: str) -> None:
    with RawServer(keep_answering) as up:
        named = {"api": {"url": "http://127.0.0.1:1", "failover": "b"}, "b": {"url": up.url}}
        onehttp.init({"version": 1, "connections": named}, backend=engine)
        with onehttp.connection("api").stream("GET") as response:
            assert response.read() == b"ok"


def test_hooks_see_the_head(engine: str) -> None:
    seen: list[int] = []
    hooks = onehttp.Hooks(on_response=lambda _, response: seen.append(response.status))
    with RawServer(giving(WHOLE)) as server:
        onehttp.init(backend=engine, hooks=hooks)
        with onehttp.stream("GET", server.url) as response:
            assert seen == [200]
            assert response.read() == WHOLE


def test_progress_is_told_as_it_is_made(streamed: Streamed) -> None:
    told: list[onehttp.Progress] = []
    with RawServer(giving(WHOLE)) as server:
        streamed(Reader.read, "GET", server.url, progress=told.append)
        assert onehttp.request("GET", server.url, progress=told.append).body == WHOLE
    ends = [each for each in told if each.received == len(WHOLE)]
    assert {*ends} == {onehttp.Progress(0, 0, len(WHOLE), len(WHOLE))}
    assert len(ends) == 2
    assert len(told) > 2
