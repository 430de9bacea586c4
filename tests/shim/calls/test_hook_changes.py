"""What `on_attempt` may return: nothing, or the request with other headers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import onehttp
from onehttp_backends.contract import Request
from servers.raw import RawServer, keep_answering
from stand_ins.calling import WAYS_TO_CALL, call


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(keep_answering) as running:
        yield running


def begun(url: str, engine: str, change: Any) -> None:
    named = {"api": {"url": url, "headers": {"Own": "1"}}}
    hooks = onehttp.Hooks(on_attempt=change)
    onehttp.init({"version": 1, "connections": named}, backend=engine, hooks=hooks)


@pytest.mark.parametrize(
    "change",
    [
        lambda request: request._replace(url="http://evil.example/"),
        lambda request: request._replace(method="DELETE"),
        lambda request: request._replace(body=b"x"),
        lambda request: "signed",
        lambda request: ("GET", request.url),
    ],
)
def test_a_hook_changes_headers_alone(change: Any, server: RawServer, engine: str) -> None:
    begun(server.url, engine, change)
    with pytest.raises(onehttp.RequestTypeError, match="with other headers and nothing else"):
        onehttp.request("GET", server.url)
    assert server.requests == []


@pytest.mark.parametrize("way", WAYS_TO_CALL)
@pytest.mark.parametrize(
    "headers",
    [None, 1, "X: y", b"X: y", ["X"], [("X",)], [("X", "y", "z")], [("X", None)], [(b"X", "y")],
     {"X": 1}],
    ids=repr,
)  # fmt: skip
def test_headers_that_are_none_are_the_mistake_of_the_hook(
    way: str, headers: Any, server: RawServer, engine: str
) -> None:
    def sign_wrongly(request: Request) -> Request:
        return request._replace(headers=headers)

    begun(server.url, engine, sign_wrongly)
    with pytest.raises(onehttp.RequestError, match=r"on_attempt: .*sign_wrongly: expected headers"):
        call(way, server.url)
    assert server.requests == []


@pytest.mark.parametrize("headers", [[("X", "y")], {"X": "y"}, (("X", "y"),)])
def test_headers_of_a_hook_are_pairs_of_any_kind(
    headers: Any, server: RawServer, engine: str
) -> None:
    begun(server.url, engine, lambda asked: asked._replace(headers=headers))
    assert onehttp.request("GET", server.url).status == 200
    assert b"\r\nX: y\r\n" in server.requests[0]


def test_headers_of_a_hook_are_checked(server: RawServer, engine: str) -> None:
    def inject(request: Request) -> Request:
        return request._replace(headers=(("X", "a\r\nY: b"),))

    begun(server.url, engine, inject)
    with pytest.raises(onehttp.RequestError, match="header X"):
        onehttp.request("GET", server.url)
    assert server.requests == []
