"""Failover: who stands in, for what, and with which request."""

from __future__ import annotations

from typing import Any

import pytest

import onehttp
from onehttp_backends.errors import CurlCode, transfer_error
from stand_ins.told import CUT, REFUSED, World

CERTIFICATE = transfer_error(CurlCode.PEER_FAILED_VERIFICATION, "expired")


@pytest.mark.parametrize("failure", [REFUSED, CUT, 500, 503])
def test_the_next_connection_answers_for_one_that_fails(world: World, failure: Any) -> None:
    world.connect(api={"failover": "backup"}, backup={"url": "http://backup/v2"})
    world.answers["api"] = [failure]
    assert world.call("api", path="/x").status == 200
    assert world.urls == ["GET http://api/x", "GET http://backup/v2/x"]
    assert onehttp.Connection(world.runtime, "api").counters.failovers == 1


@pytest.mark.parametrize("status", [200, 302, 404, 429])
def test_an_answer_that_is_no_servers_error_stands(world: World, status: int) -> None:
    world.connect(api={"failover": "backup"}, backup={})
    world.answers["api"] = [status]
    assert world.call("api").status == status
    assert world.urls == ["GET http://api"]


def test_a_refused_certificate_is_no_reason_to_go_elsewhere_unless_told(world: World) -> None:
    world.connect(
        api={"failover": "backup"},
        told={"failover": "backup", "retry": {"attempts": 1, "errors": ["tls"]}},
        backup={},
    )
    world.answers["api"] = world.answers["told"] = [CERTIFICATE]
    with pytest.raises(onehttp.TLSError):
        world.call("api")
    assert world.call("told").status == 200


@pytest.mark.parametrize("code", [58, 59, 77, 82])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_file_of_ours_that_cannot_be_used_is_a_reason(
    world: World, code: int, method: str
) -> None:
    world.connect(api={"failover": "backup"}, backup={})
    world.answers["api"] = [transfer_error(code, "our certificate")]
    assert world.call("api", method).status == 200
    assert world.urls == [f"{method} http://api", f"{method} http://backup"]


def test_a_post_that_may_have_arrived_goes_nowhere_else(world: World) -> None:
    world.connect(api={"failover": "backup"}, backup={})
    world.answers["api"] = [CUT, 503, REFUSED]
    with pytest.raises(onehttp.DisconnectedError):
        world.call("api", "POST", body="x")
    assert world.call("api", "POST", body="x").status == 503
    assert world.call("api", "POST", body="x").status == 200  # it never left
    assert [url for url in world.urls if "backup" in url] == ["POST http://backup"]


def test_the_chain_is_gone_through_in_its_order_and_the_last_failure_is_raised(
    world: World,
) -> None:
    world.connect(a={"failover": ["b", "c"]}, b={"failover": "d"}, c={}, d={})
    world.answers = {"a": [REFUSED], "b": [503], "c": [REFUSED], "d": [CUT]}
    with pytest.raises(onehttp.ConnectError):
        world.call("a")
    assert world.urls == [f"GET http://{name}" for name in "abdc"]


def test_each_connection_of_the_chain_goes_by_its_own_policies(world: World) -> None:
    world.connect(
        api={"failover": "backup", "retry": 2},
        backup={"retry": 3, "headers": {"X-Own": "yes"}, "params": {"k": "v"}},
    )
    world.answers = {"api": [REFUSED], "backup": [REFUSED, REFUSED, 200]}
    assert world.call("api", path="/x").status == 200
    assert world.urls == ["GET http://api/x"] * 2 + ["GET http://backup/x?k=v"] * 3
    assert world.seen[-1].headers == (("X-Own", "yes"),)
    assert world.seen[0].headers == ()


@pytest.mark.usefixtures("default_limits")
def test_the_whole_chain_has_one_deadline(world: World) -> None:
    world.connect(
        api={"failover": "backup", "timeout": 4, "retry": {"attempts": 2, "backoff": 6}},
        backup={"timeout": 30},
    )
    world.answers["api"] = [REFUSED]
    world.call("api")
    # Half of the ceiling of 2 s went by between the two attempts.
    assert [request.total_timeout_s for request in world.seen] == [None, 3, 3]


@pytest.mark.usefixtures("default_limits")
def test_when_the_time_is_over_nobody_else_is_asked(world: World) -> None:
    world.connect(api={"failover": "backup", "timeout": 4}, backup={})

    def slow() -> Any:
        world.clock.now_s += 4
        return CUT

    world.answers["api"] = [slow]
    with pytest.raises(onehttp.DisconnectedError):
        world.call("api")
    assert world.urls == ["GET http://api"]


@pytest.mark.parametrize("body", [{"json": {"a": [1]}}, {"form": {"a": "1"}}, {"body": "a"}])
def test_the_stand_in_gets_the_same_request(world: World, body: dict[str, Any]) -> None:
    world.connect(api={"failover": "backup"}, backup={})
    world.answers["api"] = [REFUSED]
    world.call(
        "api",
        "POST",
        headers=iter([("X-Once", "1")]),
        params=iter([("p", "1")]),
        **body,
    )
    first, second = world.seen
    assert second.url == "http://backup?p=1"
    assert (first.body, set(first.headers)) == (second.body, set(second.headers))


def test_a_body_changed_after_the_call_does_not_change_what_the_stand_in_gets(
    submitting: World,
) -> None:
    world = submitting
    world.connect(api={"failover": "backup"}, backup={})
    document = {"a": 1}

    def changed() -> Any:
        document["a"] = 2
        return REFUSED

    world.answers["api"] = [changed]
    world.call("api", "POST", json=document)
    assert [request.body for request in world.seen] == [b'{"a":1}'] * 2


def test_an_open_circuit_sends_calls_on_at_once(world: World) -> None:
    world.connect(api={"failover": "backup", "circuit_breaker": 1}, backup={})
    world.answers["api"] = [REFUSED]
    for _ in range(3):
        assert world.call("api").status == 200
    assert world.urls == ["GET http://api"] + ["GET http://backup"] * 3
