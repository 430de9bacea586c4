"""A call got as far as any of its attempts and hops, and goes by that what is repeated."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import onehttp
from onehttp import Sent
from servers.patience import PATIENCE_S
from servers.ports import free_port
from servers.raw import Peer, RawServer, redirecting_to
from stand_ins.told import CUT, REFUSED, World

DEAD_ENDS = {
    "nobody listens": "http://127.0.0.1:{dead}/done",
    "no such host": "http://no-such-host.invalid/",
    "no URL": "http://[::1",
    "a host with a blank": "http://host name/x",
    "no such port": "http://127.0.0.1:99999/",
    "another scheme": "ftp://127.0.0.1/",
    "credentials": "http://u:p@127.0.0.1/",
    "a host no one could have": "http://h%2f.example/",
    "a scheme and no host": "http:x",
}


@pytest.fixture
def dead() -> int:
    return free_port()


@pytest.fixture(params=["thread", "task", "callback"])
def way(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def call(way: str, name: str, method: str, path: str, **call: Any) -> onehttp.Response:
    connection = onehttp.connection(name)
    if way == "thread":
        return connection.request(method, path, **call)
    if way == "task":

        async def called() -> onehttp.Response:
            return await connection.arequest(method, path, **call)

        return asyncio.run(called())
    result = connection.submit(method, path, **call).result(PATIENCE_S)
    if result.error:
        raise result.error
    assert result.response is not None
    return result.response


@pytest.mark.parametrize("status", [302, 303, 307])
@pytest.mark.parametrize("where", DEAD_ENDS)
def test_a_post_that_is_redirected_to_a_dead_end_is_made_once(
    engine: str, way: str, where: str, status: int, dead: int
) -> None:
    location = DEAD_ENDS[where].format(dead=dead)
    with (
        RawServer(redirecting_to(location, status)) as first,
        RawServer(redirecting_to(location, status)) as second,
    ):
        policies = {"retry": {"attempts": 3, "backoff": 0.001}, "redirects": True}
        connections = {
            "a": {"url": first.url, "failover": "b", **policies},
            "b": {"url": second.url, **policies},
        }
        onehttp.init({"version": 1, "connections": connections}, backend=engine)
        with pytest.raises(onehttp.TransferError) as caught:
            call(way, "a", "POST", "/order", body=b"buy")
        assert caught.value.sent is Sent.YES
        assert [*first.targets, *second.targets] == ["POST /order"]


@pytest.mark.parametrize("where", DEAD_ENDS)
def test_an_adhoc_call_says_that_a_server_has_answered(api: str, where: str, dead: int) -> None:
    with RawServer(redirecting_to(DEAD_ENDS[where].format(dead=dead))) as server:
        with pytest.raises(onehttp.TransferError) as caught:
            onehttp.request("POST", server.url, body=b"buy", follow_redirects=True)
        assert caught.value.sent is Sent.YES
        assert server.targets == ["POST /"]


def test_a_redirect_that_ends_without_an_answer_is_answered_all_the_same(api: str) -> None:
    def closing(peer: Peer) -> None:
        peer.request()

    with RawServer(closing) as target, RawServer(redirecting_to(target.url)) as server:
        with pytest.raises(onehttp.DisconnectedError) as caught:
            onehttp.request("POST", server.url, body=b"buy", follow_redirects=True)
        assert caught.value.sent is Sent.YES


ANSWERED = (503, "busy")


@pytest.mark.parametrize(
    ("attempts", "sent"),
    [
        ([REFUSED, REFUSED], Sent.NO),
        ([REFUSED, CUT], Sent.MAYBE),
        ([CUT, REFUSED], Sent.MAYBE),
        ([ANSWERED, REFUSED], Sent.YES),
        ([ANSWERED, CUT], Sent.YES),
    ],
)
def test_the_error_of_a_call_tells_of_all_its_attempts(
    world: World, attempts: list[Any], sent: Sent
) -> None:
    world.connect(api={"retry": 2})
    world.answers["api"] = list(attempts)
    with pytest.raises(onehttp.TransferError) as caught:
        world.call("api")
    assert caught.value.sent is sent
    assert len(world.seen) == 2


def test_the_error_of_a_call_tells_of_the_connections_before(world: World) -> None:
    world.connect(api={"failover": "other"}, other={})
    world.answers.update(api=[CUT], other=[REFUSED])
    with pytest.raises(onehttp.ConnectError) as caught:
        world.call("api")
    assert caught.value.sent is Sent.MAYBE


def test_a_canned_error_stays_as_it_is(world: World) -> None:
    world.connect(api={"retry": 2})
    world.answers["api"] = [CUT, REFUSED]
    with pytest.raises(onehttp.ConnectError):
        world.call("api")
    assert REFUSED.sent is Sent.NO
