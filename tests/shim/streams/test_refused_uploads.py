"""A body that passes piece by piece, on a stream of HTTP/2 that the server has refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import onehttp
from servers.multiplexing.scripted_http2 import Stream, scripted
from servers.patience import PATIENCE_S

REFUSED, INTERNAL = 7, 2
BODIES: dict[str, Callable[[], Any]] = {
    "a list": lambda: [b"a", b"b"],
    "an iterator": lambda: iter([b"a", b"b"]),
}


def refuses(stream: Stream) -> None:
    stream.reset(REFUSED)


def goes_away(stream: Stream) -> None:
    stream.go_away(0)


def goes_away_with_an_error(stream: Stream) -> None:
    stream.go_away(0, INTERNAL)


@pytest.fixture(params=[refuses, goes_away, goes_away_with_an_error])
def refusal(request: pytest.FixtureRequest) -> Callable[[Stream], None]:
    script: Callable[[Stream], None] = request.param
    return script


@pytest.fixture
def calls(engine: str) -> Iterator[Callable[..., onehttp.Response]]:
    """Posts to a URL, under keys of a connection."""

    def post(url: str, body: object, **keys: Any) -> onehttp.Response:
        api = {"url": url, "http_version": "2-prior-knowledge", "timeout": PATIENCE_S, **keys}
        onehttp.init({"version": 1, "connections": {"api": api}}, backend=engine)
        return onehttp.connection("api").post("/pay", body=body)  # type: ignore[arg-type]

    yield post
    onehttp.shutdown()


@pytest.mark.parametrize("what", BODIES)
def test_nothing_was_done_of_it(
    calls: Callable[..., onehttp.Response], refusal: Callable[[Stream], None], what: str
) -> None:
    with scripted(refusal) as server:
        with pytest.raises(onehttp.DisconnectedError, match="done nothing of it") as caught:
            calls(server.url, BODIES[what]())
        assert (caught.value.code, caught.value.sent) == (56, onehttp.Sent.NO)
        assert server.targets == ["POST /pay"]


def test_what_can_be_sent_again_is_by_retry(
    calls: Callable[..., onehttp.Response], refusal: Callable[[Stream], None]
) -> None:
    def at_first(stream: Stream) -> None:
        if len(stream.peer.server.requests) == 1:
            refusal(stream)
        else:
            stream.answer()

    with scripted(at_first) as server:
        retry = {"attempts": 3, "backoff": 0.001}
        assert calls(server.url, BODIES["a list"](), retry=retry).status == 200
        assert len(server.requests) <= 3
