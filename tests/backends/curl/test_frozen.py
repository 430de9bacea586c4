"""A kept connection of HTTP/2 whose other end is gone without a word does not serve for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from onehttp_backends.contract import Backend, HttpVersion, Request, TransferOptions
from onehttp_backends.errors import TimeoutError
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from servers.scripted_http2 import Stream, scripted

OVER_HTTP2 = TransferOptions(
    total_timeout_s=PATIENCE_S, http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE
)


@pytest.fixture
def engine() -> Iterator[Backend]:
    made = load("pycurl")()
    yield made
    made.close()


def freezes_after_one(stream: Stream) -> None:
    if stream.peer.number == 1 and stream.number > 1:
        stream.peer.server.release.wait(PATIENCE_S)
    else:
        stream.answer()


def silent_to_some(stream: Stream) -> None:
    if not stream.target.startswith(b"/silent"):
        stream.answer()


@pytest.mark.parametrize("way", ["perform", "aperform"])
def test_who_comes_after_two_that_heard_nothing_connects_anew(engine: Backend, way: str) -> None:
    def call(request: Request) -> int:
        if way == "perform":
            return engine.perform(request).status
        return asyncio.run(_status(engine, request))

    with scripted(freezes_after_one) as server:
        request = Request("POST", server.url, (), b"x", OVER_HTTP2)
        assert call(request) == 200
        for _ in range(2):
            with pytest.raises(TimeoutError):
                call(request._replace(total_timeout_s=0.2))
        assert call(request) == 200
        assert server.connections == 2


def test_a_connection_that_carries_something_is_kept(engine: Backend) -> None:
    with scripted(silent_to_some) as server:
        request = Request("POST", server.url, (), b"x", OVER_HTTP2)
        silent = request._replace(url=f"{server.url}/silent", total_timeout_s=0.1)
        for _ in range(4):
            assert engine.perform(request).status == 200
            with pytest.raises(TimeoutError):
                engine.perform(silent)
        assert server.connections == 1


async def _status(engine: Backend, request: Request) -> int:
    return (await engine.aperform(request)).status
