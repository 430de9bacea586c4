"""Hooks, tokens and cookies of calls whose bodies pass piece by piece: as of all others."""

from __future__ import annotations

import asyncio
import io
import re
from typing import Any

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer

CONTENT = b"x" * 100_000


class Server:
    """Takes the second token, sets a cookie, and answers with much."""

    def __call__(self, peer: Peer) -> None:
        while request := peer.request():
            if b"Bearer token1" in request:
                peer.send(b"HTTP/1.1 401 No\r\nContent-Length: 3\r\n\r\nno!")
            else:
                head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: %d\r\n\r\n"
                peer.send(head % len(CONTENT) + CONTENT)


def signed(request: onehttp.Request) -> onehttp.Request:
    return request._replace(headers=(*request.headers, ("X-Signature", request.method)))


def read(way: str, url: str, **given: Any) -> tuple[int, bytes]:
    """Status and body of a streamed call."""
    owner: Any = onehttp if way in ("stream", "astream") else onehttp.connection("api")
    path = f"{url}/x" if owner is onehttp else "/x"
    given["timeout"] = onehttp.Timeout(total_s=PATIENCE_S)
    if "astream" not in way:
        with owner.stream("POST", path, **given) as response:
            return response.status, b"".join(response.iter_bytes())

    async def awaited() -> tuple[int, bytes]:
        async with owner.astream("POST", path, **given) as response:
            return response.status, b"".join([piece async for piece in response.iter_bytes()])

    return asyncio.run(awaited())


WAYS = ("stream", "astream", "named stream", "named astream")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("body", [{}, {"body": b"sent"}, {"files": {"f": b"sent"}}], ids=str)
def test_all_of_it_is_around_a_stream(way: str, body: dict[str, Any], engine: str) -> None:
    told: list[int] = []
    hooks = [
        onehttp.Hooks(on_attempt=signed),
        onehttp.Hooks(on_response=lambda request, response: told.append(response.status)),
    ]
    tokens = iter(["token1", "token2"])
    source = onehttp.TokenSource(lambda: next(tokens))
    with RawServer(Server()) as server:
        api = {"url": server.url, "cookies": True, "alt_svc": True}
        document = {"version": 1, "connections": {"api": api}}
        onehttp.init(document, backend=engine, hooks=hooks)
        for _ in range(2):
            assert read(way, server.url, auth=source, **body) == (200, CONTENT)
    assert told == [401, 200, 200]
    assert [each.count(b"X-Signature: POST") for each in server.requests] == [1, 1, 1]
    assert [each.count(b"sent") for each in server.requests] == [bool(body)] * 3
    cookies = [re.findall(rb"(?i)\r\ncookie: (.*?)\r\n", each) for each in server.requests]
    assert cookies == [[], [], [b"a=b"] if way.startswith("named") else []]


@pytest.mark.parametrize("way", WAYS)
def test_what_can_be_read_only_once_is_not_sent_again_for_a_token(way: str, engine: str) -> None:
    tokens = iter(["token1", "token2"])
    source = onehttp.TokenSource(lambda: next(tokens))

    class Once(io.RawIOBase):
        """Of four bytes, without a way back."""

        left = b"sent"

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            piece, self.left = self.left[: len(buffer)], b""
            buffer[: len(piece)] = piece
            return len(piece)

    with RawServer(Server()) as server:
        onehttp.init({"version": 1, "connections": {"api": {"url": server.url}}}, backend=engine)
        headers = {"Content-Length": "4"}
        found = read(way, server.url, auth=source, body=Once(), headers=headers)
    assert found == (401, b"no!")
    assert len(server.requests) == 1


@pytest.mark.parametrize("way", WAYS)
def test_what_a_hook_raises_is_the_callers(way: str, engine: str) -> None:
    def fail(*_: object) -> None:
        raise LookupError("out of keys")

    with RawServer(Server()) as server:
        document = {"version": 1, "connections": {"api": {"url": server.url}}}
        onehttp.init(document, backend=engine, hooks=onehttp.Hooks(on_response=fail))
        with pytest.raises(LookupError, match="out of keys"):
            read(way, server.url)
