"""Any calls one after another: each gives what it gives as the first call of a process."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from typing import Any

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer

CALLS = 150
CONNECTIONS: dict[str, dict[str, object]] = {
    "plain": {},
    "named": {"headers": {"X-Key": "k"}, "user_agent": "agent"},
    "basic": {"auth": {"username": "u", "password": "p"}},
    "following": {"redirects": 3, "retry": 2},
    "closing": {"reuse": False},
    "small": {"max_body": 1000},
}


def behave(peer: Peer) -> None:
    """Answers each request with itself, or as its path says."""
    while request := peer.request():
        path = request.split(b" ")[1]
        if b"/cut" in path:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
            return
        if b"/on" in path:
            peer.send(b"HTTP/1.1 303 See Other\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
            continue
        if b"/cookie" in path:
            peer.send(b"HTTP/1.1 204 No\r\nSet-Cookie: a=b\r\n\r\n")
            continue
        head = b"HTTP/1.1 200 OK\r\n" + (b"Connection: close\r\n" if b"/last" in path else b"")
        body = b"" if request.startswith(b"HEAD") else request
        peer.send(head + b"Content-Length: %d\r\n\r\n" % len(request) + body)
        if b"/last" in path:
            return


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(behave) as made:
        yield made


def some_call(chance: random.Random) -> tuple[str, str, str, dict[str, Any]]:
    """Connection, method, path and the other arguments."""
    call: dict[str, Any] = {}
    method = chance.choice(["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH"])
    if method in ("POST", "PUT", "PATCH"):
        bodies: list[dict[str, Any]] = [
            {"body": b"x" * chance.choice([0, 1, 3000])},
            {"json": {"a": 1}},
            {"form": {"a": "b c"}},
            {"body": lambda: io.BytesIO(b"in pieces")},
            {},
        ]
        call |= chance.choice(bodies)
    call |= chance.choice([{}, {}, {"headers": {"X-A": "1", "Accept": ""}}, {"params": {"q": "ü"}}])
    path = chance.choice(["/x", "/x", "/y?z=1", "/cut", "/on", "/cookie", "/last"])
    return chance.choice(list(CONNECTIONS)), method, path, call


def made(connection: str, method: str, path: str, call: dict[str, Any]) -> object:
    call = {key: value() if callable(value) else value for key, value in call.items()}
    try:
        response = onehttp.connection(connection).request(method, path, **call)
    except onehttp.TransferError as error:
        return type(error), error.code, error.sent, error.phase
    return response.status, response.body, response.head, response.url


@pytest.mark.parametrize("seed", [1, 2])
def test_each_call_gives_what_it_gives_alone(engine: str, server: RawServer, seed: int) -> None:
    defaults = {"url": server.url, "timeout": {"total": PATIENCE_S, "connect": PATIENCE_S}}
    connections = {name: {**defaults, **keys} for name, keys in CONNECTIONS.items()}

    def begin() -> None:
        onehttp.init({"version": 1, "connections": connections}, backend=engine)

    chance = random.Random(seed)
    calls = [some_call(chance) for _ in range(CALLS)]
    begin()
    together = [made(*call) for call in calls]
    onehttp.shutdown()
    for call, outcome in zip(calls, together, strict=True):
        begin()
        assert made(*call) == outcome, call
        onehttp.shutdown()
