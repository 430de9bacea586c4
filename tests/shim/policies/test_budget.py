"""Repetitions are a share of the calls, whichever way these are made."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onehttp
from onehttp.connections.file.load import load_connections
from onehttp.policies.budget import Budget, BudgetPolicy
from stand_ins.told import REFUSED, World


def test_a_failing_server_sees_the_calls_and_a_share_of_them_again(world: World) -> None:
    world.connect(api={"retry": {"attempts": 3, "budget": {"share": 0.2, "reserve": 4}}})
    world.answers["api"] = [REFUSED]
    for _ in range(50):
        with pytest.raises(onehttp.ConnectError):
            world.call("api")
    # All 4 in hand, and one for each five calls; the budget was full while it was not drawn on.
    assert 50 + 4 + 9 <= len(world.seen) <= 50 + 4 + 10
    counters = onehttp.Connection(world.runtime, "api").counters
    assert counters.retries == len(world.seen) - 50
    assert counters.budget_refused > 0
    assert counters.exhausted == 50


def test_calls_that_go_well_fill_it_again(world: World) -> None:
    world.connect(api={"retry": {"attempts": 2, "budget": {"share": 0.5, "reserve": 1}}})
    world.answers["api"] = [REFUSED, REFUSED, REFUSED, 200, 200, REFUSED, 200]
    for fails in (True, True, False, False):
        if fails:
            with pytest.raises(onehttp.ConnectError):
                world.call("api")
        else:
            world.call("api")
    assert len(world.seen) == 5
    assert world.call("api").status == 200  # after one repetition
    assert len(world.seen) == 7


def test_without_a_budget_every_call_is_made_again(world: World) -> None:
    world.connect(api={"retry": 3})
    world.answers["api"] = [REFUSED]
    for _ in range(50):
        with pytest.raises(onehttp.ConnectError):
            world.call("api")
    assert len(world.seen) == 150


def test_a_spent_budget_leaves_failover_alone(world: World) -> None:
    retry = {"attempts": 3, "budget": {"share": 0.1, "reserve": 1}}
    world.connect(api={"retry": retry, "failover": "other"}, other={})
    world.answers["api"] = [REFUSED]
    assert [world.call("api").status for _ in range(5)] == [200] * 5


def test_a_share_is_short_for_a_section() -> None:
    file = {"version": 1, "connections": {"a": {"url": "http://h", "retry": {"budget": 0.5}}}}
    spec = load_connections(file)["a"]
    assert spec.retry is not None
    assert spec.retry.budget == BudgetPolicy(share=0.5)


@given(st.floats(0.01, 1), st.integers(1, 20), st.lists(st.booleans(), max_size=200))
def test_no_more_are_granted_than_calls_and_reserve_allow(
    share: float, reserve: int, calls: list[bool]
) -> None:
    budget = Budget(BudgetPolicy(share=share, reserve=reserve))
    granted = 0
    for wants_repetition in calls:
        budget.note_call()
        granted += wants_repetition and budget.take()
    assert granted <= reserve + share * len(calls) + 1e-6


def test_threads_share_it_exactly() -> None:
    budget = Budget(BudgetPolicy(share=1, reserve=1000))
    granted: list[bool] = []

    def draw() -> None:
        granted.extend(budget.take() for _ in range(400))

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 1000
