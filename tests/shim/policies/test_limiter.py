"""Limits: places, their order, and the rate."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onehttp
from onehttp.policies.limits import Limiter, LimitsPolicy, Turn
from servers.patience import PATIENCE_S
from stand_ins.injection import Interrupt
from stand_ins.told import REFUSED, World


def limiter_of(world: World) -> Limiter:
    policies = world.runtime.revision["api"].policies
    assert policies is not None
    assert policies.limiter is not None
    return policies.limiter


@pytest.mark.usefixtures("default_limits")
def test_a_call_that_finds_no_place_in_its_time_is_not_sent(world: World) -> None:
    world.connect(api={"limits": {"concurrent": 1}, "timeout": 4})
    assert limiter_of(world).enter(Turn())
    with pytest.raises(onehttp.LimitReachedError, match="'api': not sent") as caught:
        world.call("api", "POST")
    error = caught.value
    assert (error.code, error.sent, error.phase) == (28, onehttp.Sent.NO, onehttp.Phase.QUEUE)
    assert (world.seen, sum(pause or 0 for pause in world.clock.pauses)) == ([], 4)
    counters = onehttp.Connection(world.runtime, "api").counters
    assert (counters.limit_waited, counters.limit_refused, counters.in_flight) == (1, 1, 1)


@pytest.mark.usefixtures("default_limits")
def test_a_place_that_becomes_free_is_taken_and_the_wait_counts_against_the_deadline(
    world: World,
) -> None:
    world.connect(api={"limits": {"concurrent": 1}, "timeout": 4})
    limiter = limiter_of(world)
    turn = Turn()
    limiter.enter(turn)

    def free() -> None:
        world.clock.now_s += 1
        limiter.leave(turn)

    world.clock.meanwhile = free
    assert world.call("api").status == 200
    assert [request.total_timeout_s for request in world.seen] == [3]
    assert limiter.in_flight == 0


def test_waiting_can_be_limited_or_switched_off(world: World) -> None:
    world.connect(api={"limits": {"concurrent": 1, "wait": 0.5}})
    limiter_of(world).enter(Turn())
    with pytest.raises(onehttp.LimitReachedError):
        world.call("api")
    world.connect(api={"limits": {"concurrent": 1, "wait": 0}})
    limiter_of(world).enter(Turn())
    with pytest.raises(onehttp.LimitReachedError):
        world.call("api")
    assert world.clock.pauses == [0.5]


@pytest.mark.parametrize("answer", [200, 503, REFUSED])
def test_a_place_is_given_back_whatever_came_of_it(world: World, answer: Any) -> None:
    world.connect(api={"limits": 1, "circuit_breaker": 9})
    world.answers["api"] = [answer]
    for _ in range(3):
        try:
            world.call("api")
        except onehttp.ConnectError:
            assert answer is REFUSED
    assert limiter_of(world).in_flight == 0
    assert len(world.seen) == 3


def test_no_place_is_held_between_two_attempts(world: World) -> None:
    world.connect(api={"limits": 1, "retry": 2})
    world.answers["api"] = [REFUSED, 200]
    held: list[int] = []
    limiter = limiter_of(world)
    world.clock.meanwhile = lambda: held.append(limiter.in_flight)
    world.call("api")
    assert held == [0]


def test_attempts_keep_their_distance(world: World) -> None:
    world.connect(api={"limits": {"per_second": 4, "burst": 2}})
    for _ in range(4):
        world.call("api")
    assert world.clock.pauses == [0.25, 0.25]


@pytest.mark.usefixtures("default_limits")
def test_a_moment_that_comes_too_late_is_not_waited_for_and_not_reserved(world: World) -> None:
    world.connect(api={"limits": {"concurrent": 5, "per_second": 0.1}, "timeout": 4})
    world.call("api")
    for _ in range(3):
        with pytest.raises(onehttp.LimitReachedError):
            world.call("api")
    assert world.clock.pauses == []
    assert limiter_of(world).in_flight == 0
    world.clock.now_s += 10
    assert world.call("api").status == 200


def test_a_refused_trial_is_left_to_somebody_else(world: World) -> None:
    world.connect(api={"limits": {"concurrent": 1, "wait": 0}, "circuit_breaker": 1})
    world.answers["api"] = [REFUSED, 200]
    with pytest.raises(onehttp.ConnectError):
        world.call("api")
    world.clock.now_s += 10
    turn = Turn()
    limiter_of(world).enter(turn)
    with pytest.raises(onehttp.LimitReachedError):
        world.call("api")
    limiter_of(world).leave(turn)
    assert world.call("api").status == 200


def test_who_waits_longest_goes_first_and_who_left_the_line_is_passed_over() -> None:
    limiter = Limiter(LimitsPolicy(concurrent=1))
    first, *turns = (Turn() for _ in range(4))
    assert limiter.enter_now(first, 0.0)
    order: list[int] = []
    for number, turn in enumerate(turns):
        assert not limiter.enter(turn)
        turn.when_granted(lambda number=number: order.append(number))  # type: ignore[misc]
    limiter.leave(turns[0])
    assert not limiter.enter_now(Turn(), 0.0)
    limiter.leave(first)
    assert order == [1]
    limiter.leave(turns[1])
    assert order == [1, 2]
    assert not limiter.enter_now(Turn(), 0.0)
    limiter.leave(turns[2])
    assert limiter.enter_now(Turn(), 0.0)


def test_a_permit_is_given_back_once_however_often_its_attempt_leaves() -> None:
    limiter = Limiter(LimitsPolicy(concurrent=2))
    turns = [Turn() for _ in range(4)]
    assert [limiter.enter(turn) for turn in turns] == [True, True, False, False]
    for _ in range(3):
        limiter.leave(turns[0])
    assert [turn.is_granted for turn in turns] == [True, True, True, False]
    assert limiter.in_flight == 2


def test_whoever_could_not_be_woken_is_woken_by_the_next_who_leaves() -> None:
    limiter = Limiter(LimitsPolicy(concurrent=1))
    first, second = Turn(), Turn()
    assert limiter.enter(first)
    assert not limiter.enter(second)
    woken: list[bool] = []

    def wake() -> None:
        woken.append(True)
        if len(woken) == 1:
            raise Interrupt

    second.when_granted(wake)
    with pytest.raises(Interrupt):
        limiter.leave(first)
    limiter.leave(first)
    assert woken == [True, True]


def test_a_turn_granted_before_somebody_listens_wakes_him_at_once() -> None:
    limiter = Limiter(LimitsPolicy(concurrent=1))
    first, turn = Turn(), Turn()
    assert limiter.enter_now(first, 0.0)
    assert not limiter.enter(turn)
    limiter.leave(first)
    woken: list[bool] = []
    turn.when_granted(lambda: woken.append(True))
    assert woken == [True]
    assert turn.is_granted


def test_threads_and_tasks_share_the_places_and_none_is_lost() -> None:
    """Real time and real contention: never more in flight than allowed, and all get through."""
    width, allowed, each = 8, 3, 50
    running, highest = 0, 0
    counting = threading.Lock()

    def handler(request: onehttp.Request) -> int:
        nonlocal running, highest
        with counting:
            running += 1
            highest = max(highest, running)
        with counting:
            running -= 1
        return 200

    limits = {"concurrent": allowed}
    connections = {"api": {"url": "http://api", "limits": limits, "timeout": 60}}
    onehttp.init(
        connections={"version": 1, "connections": connections}, backend="httpx", handler=handler
    )
    api = onehttp.connection("api")
    answered: list[int] = []

    def work() -> None:
        answered.extend(api.get().status for _ in range(each))

    async def tasks() -> None:
        async def one() -> None:
            for _ in range(each):
                answered.append((await api.aget()).status)

        await asyncio.gather(*(one() for _ in range(width)))

    threads = [threading.Thread(target=work) for _ in range(width)]
    for thread in threads:
        thread.start()
    queries = [api.submit("GET") for _ in range(each)]
    asyncio.run(tasks())
    for thread in threads:
        thread.join()
    answered += [query.result(PATIENCE_S).ok and 200 for query in queries]
    assert answered == [200] * (2 * width * each + each)
    assert 1 <= highest <= allowed
    assert api.counters.in_flight == 0


@given(
    st.integers(1, 5),
    st.floats(0.1, 100),
    st.lists(st.floats(0, 2), min_size=1, max_size=60),
)
def test_no_window_of_time_sees_more_starts_than_the_rate_and_a_burst(
    burst: int, per_second: float, gaps: list[float]
) -> None:
    limiter = Limiter(LimitsPolicy(per_second=per_second, burst=burst))
    now_s = 0.0
    starts: list[float] = []
    for gap in gaps:
        now_s += gap
        wait_s = limiter.reserve(now_s, None)
        assert wait_s is not None
        starts.append(now_s + wait_s)
    starts.sort()
    for first in range(len(starts)):
        for last in range(first, len(starts)):
            allowed = burst + (starts[last] - starts[first]) * per_second
            assert last - first + 1 <= allowed + 1e-6 * len(starts) + 1e-9


@pytest.mark.parametrize("keys", [{"limits": 1}, {"limits": 1, "timeout": {"attempt": 3}}])
def test_a_cancelled_task_gives_back_its_place_and_its_turn(keys: dict[str, Any]) -> None:
    async def handler(request: onehttp.Request) -> int:
        await asyncio.Event().wait()
        return 200

    connections = {"api": {"url": "http://api", **keys}}
    onehttp.init(
        connections={"version": 1, "connections": connections}, backend="httpx", handler=handler
    )
    api = onehttp.connection("api")

    async def cancelled() -> None:
        has_place, waits = (asyncio.ensure_future(api.aget()) for _ in range(2))
        while api.counters.limit_waited == 0:
            await asyncio.sleep(0)
        for task in (waits, has_place):
            task.cancel()
        await asyncio.gather(has_place, waits, return_exceptions=True)
        assert has_place.cancelled()
        assert waits.cancelled()

    asyncio.run(cancelled())
    assert api.counters.in_flight == 0
