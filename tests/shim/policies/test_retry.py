"""Retry: what is repeated, after how long, and when it is given up."""

from __future__ import annotations

import email.utils
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onehttp
from onehttp.policies.retry import RetryPolicy, retry_after_s
from stand_ins.told import CUT, REFUSED, World


def test_a_refused_connection_is_tried_again_until_it_answers(world: World) -> None:
    world.connect(api={"retry": {"attempts": 3}})
    world.answers["api"] = [REFUSED, REFUSED, (200, "at last")]
    assert world.call("api").text == "at last"
    assert len(world.seen) == 3
    assert world.clock.pauses == [0.05, 0.1]  # half of 0.1, of 0.2
    assert onehttp.Connection(world.runtime, "api").counters.retries == 2


def test_when_all_attempts_fail_the_last_error_is_raised_and_shows_the_one_before(
    world: World,
) -> None:
    world.connect(api={"retry": 2})
    world.answers["api"] = [REFUSED, CUT]
    with pytest.raises(onehttp.DisconnectedError) as caught:
        world.call("api")
    assert isinstance(caught.value.__cause__, onehttp.ConnectError)
    counters = onehttp.Connection(world.runtime, "api").counters
    assert (counters.retries, counters.exhausted) == (1, 1)


def test_when_the_last_attempt_has_a_failing_status_that_response_is_the_answer(
    world: World,
) -> None:
    world.connect(api={"retry": 2})
    world.answers["api"] = [REFUSED, (503, "busy")]
    assert world.call("api").text == "busy"
    assert len(world.seen) == 2


@pytest.mark.parametrize("status", [200, 301, 404, 500, 501])
def test_a_status_that_is_not_listed_is_an_answer(world: World, status: int) -> None:
    world.connect(api={"retry": 3})
    world.answers["api"] = [status]
    assert world.call("api").status == status
    assert len(world.seen) == 1


@pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK"])
@pytest.mark.parametrize("failure", [CUT, 503])
def test_what_is_unsafe_and_may_have_arrived_is_not_repeated(
    world: World, method: str, failure: Any
) -> None:
    world.connect(api={"retry": 3})
    world.answers["api"] = [failure, 200]
    try:
        status = world.call("api", method).status
    except onehttp.DisconnectedError:
        status = None
    assert status == (503 if failure == 503 else None)
    assert len(world.seen) == 1


def test_what_is_unsafe_but_never_left_is_repeated(world: World) -> None:
    world.connect(api={"retry": 3})
    world.answers["api"] = [REFUSED, 200]
    assert world.call("api", "POST", body="x").status == 200
    assert [request.body for request in world.seen] == [b"x", b"x"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_idempotent_methods_are_repeated_whatever_was_sent(world: World, method: str) -> None:
    world.connect(api={"retry": 2})
    world.answers["api"] = [CUT, 200]
    assert world.call("api", method).status == 200


def test_unsafe_methods_are_repeated_where_told(world: World) -> None:
    world.connect(api={"retry": 2, "unsafe_resend": True})
    world.answers["api"] = [CUT, 200]
    assert world.call("api", "POST").status == 200


def test_an_error_of_a_kind_that_is_not_listed_is_final(world: World) -> None:
    world.connect(api={"retry": {"attempts": 3, "errors": ["resolve"]}})
    world.answers["api"] = [REFUSED]
    with pytest.raises(onehttp.ConnectError):
        world.call("api")
    assert len(world.seen) == 1


def test_the_server_is_given_the_time_it_asks_for(world: World) -> None:
    world.connect(api={"retry": 2, "timeout": 60})
    world.answers["api"] = [(503, "", [("Retry-After", "7")]), 200]
    assert world.call("api").status == 200
    assert world.clock.pauses == [7.05]


def test_a_retry_after_may_be_a_date(world: World) -> None:
    world.connect(api={"retry": 2, "timeout": 60})
    date = email.utils.formatdate(world.clock.wall() + 12, usegmt=True)
    world.answers["api"] = [(429, "", [("Retry-After", date)]), 200]
    assert world.call("api").status == 200
    assert world.clock.pauses == [pytest.approx(12.05)]


def test_a_retry_after_can_be_ignored(world: World) -> None:
    world.connect(api={"retry": {"attempts": 2, "retry_after": False}, "timeout": 60})
    world.answers["api"] = [(503, "", [("Retry-After", "7")]), 200]
    world.call("api")
    assert world.clock.pauses == [0.05]


@pytest.mark.usefixtures("default_limits")
def test_a_wait_longer_than_the_time_left_is_not_begun(world: World) -> None:
    world.connect(api={"retry": 3, "timeout": 4})
    world.answers["api"] = [(503, "", [("Retry-After", "4")]), 200]
    assert world.call("api").status == 503
    assert world.clock.pauses == []


def test_without_a_time_limit_nobody_waits_for_hours(world: World) -> None:
    world.connect(api={"retry": 3})
    world.answers["api"] = [(503, "", [("Retry-After", "9" * 400)]), 200]
    assert world.call("api", timeout=0).status == 503
    assert world.clock.pauses == []


@pytest.mark.usefixtures("default_limits")
def test_all_attempts_share_one_deadline(world: World) -> None:
    world.connect(api={"retry": {"attempts": 20, "backoff": {"base": 2, "max": 2}}, "timeout": 4})
    world.answers["api"] = [REFUSED]
    with pytest.raises(onehttp.ConnectError):
        world.call("api")
    assert world.clock.pauses == [1, 1, 1]
    limits = [request.total_timeout_s for request in world.seen]
    assert limits == [None, 3, 2, 1]  # None: the connection's own, 4


def test_the_limit_of_a_call_is_the_deadline_of_its_attempts(world: World) -> None:
    world.connect(api={"retry": {"attempts": 3, "backoff": {"base": 2, "max": 2}}})
    world.answers["api"] = [REFUSED]
    with pytest.raises(onehttp.ConnectError):
        world.call("api", timeout=1.5)
    assert [request.total_timeout_s for request in world.seen] == [1.5, 0.5]


def test_one_attempt_may_have_a_limit_of_its_own(world: World) -> None:
    world.connect(api={"retry": 2, "timeout": {"total": 4, "attempt": 1.5}})
    world.answers["api"] = [REFUSED]
    with pytest.raises(onehttp.ConnectError):
        world.call("api")
    assert [request.total_timeout_s for request in world.seen] == [1.5, 1.5]


def test_each_attempt_follows_redirects_anew(world: World) -> None:
    world.connect(api={"retry": 2, "redirects": True})
    there = (302, "", [("Location", "http://there/x")])
    world.answers = {"api": [there], "there": [REFUSED, 200]}
    assert world.call("api").status == 200
    assert world.urls == ["GET http://api", "GET http://there/x"] * 2


def test_what_is_not_fit_to_be_sent_is_not_repeated(world: World) -> None:
    world.connect(api={"retry": 3})
    with pytest.raises(onehttp.RequestError):
        world.call("api", headers={"Bad\n": "x"})
    assert world.clock.pauses == []


@given(st.integers(1, 20), st.floats(0, 1, exclude_max=True))
def test_the_backoff_is_a_share_of_a_doubling_ceiling(attempt: int, share: float) -> None:
    policy = RetryPolicy(backoff_base_s=0.1, backoff_max_s=2)
    wait_s = policy.wait_s(attempt, REFUSED, share, lambda: 0)
    assert wait_s == pytest.approx(share * min(2, 0.1 * 2 ** (attempt - 1)))


@given(st.text())
def test_any_retry_after_is_some_time_from_now_on(text: str) -> None:
    assert retry_after_s(text, lambda: 0.0) >= 0
