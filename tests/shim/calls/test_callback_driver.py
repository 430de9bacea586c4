"""Submitted calls on their way through policies: cancelled, shut down, on real time."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

import onehttp
from onehttp.policies.clock import Clock, Pause
from onehttp.policies.limits import Limiter, LimitsPolicy, Turn
from servers.patience import PATIENCE_S
from stand_ins.told import CUT, REFUSED, World


class HeldClock(Clock):
    """Pauses last until the test ends them."""

    def __init__(self) -> None:
        super().__init__()
        self.paused = threading.Semaphore(0)
        self.resumes: list[Any] = []

    def later(self, pause: Pause, resume: Any) -> None:
        self.resumes.append(resume)
        self.paused.release()


@pytest.fixture
def held(submitting: World) -> World:
    """A connection that retries, and a clock that stands still."""
    submitting.connect(api={"retry": 3, "limits": 1})
    submitting.runtime.clock = HeldClock()
    submitting.answers["api"] = [REFUSED, 200]
    return submitting


def paused(world: World) -> HeldClock:
    clock = world.runtime.clock
    assert isinstance(clock, HeldClock)
    assert clock.paused.acquire(timeout=PATIENCE_S)
    return clock


def limiter_of(world: World) -> Limiter:
    policies = world.runtime.revision["api"].policies
    assert policies is not None
    assert policies.limiter is not None
    return policies.limiter


def test_a_call_can_be_cancelled_between_two_attempts(held: World) -> None:
    query = onehttp.Connection(held.runtime, "api").submit("GET")
    clock = paused(held)
    assert query.cancel()
    assert isinstance(query.result(PATIENCE_S).error, onehttp.CancelledError)
    clock.resumes[0]()  # late: nothing comes of it
    assert len(held.seen) == 1
    assert not query.cancel()


def test_a_pause_that_ends_twice_goes_on_once(held: World) -> None:
    query = onehttp.Connection(held.runtime, "api").submit("GET")
    clock = paused(held)
    for _ in range(2):
        clock.resumes[0]()
    assert query.result(PATIENCE_S).ok
    assert len(held.seen) == 2


def test_a_call_can_be_cancelled_while_it_waits_for_its_turn_and_leaves_the_line(
    held: World,
) -> None:
    limiter = limiter_of(held)
    turn = Turn()
    limiter.enter(turn)
    query = onehttp.Connection(held.runtime, "api").submit("GET")
    paused(held)
    assert query.cancel()
    assert isinstance(query.result(PATIENCE_S).error, onehttp.CancelledError)
    limiter.leave(turn)
    assert limiter.in_flight == 0
    assert held.seen == []


def test_a_shutdown_ends_calls_that_wait_between_two_attempts(held: World) -> None:
    query = onehttp.Connection(held.runtime, "api").submit("GET")
    paused(held)
    report = held.runtime.close(0)
    assert isinstance(query.result(PATIENCE_S).error, onehttp.CancelledError)
    assert (report.cancelled, report.still_open) == (1, 0)


def test_a_call_cancelled_in_an_attempt_is_not_repeated(submitting: World) -> None:
    submitting.connect(api={"retry": {"attempts": 3}, "failover": "backup"}, backup={})
    began, goes_on = threading.Event(), threading.Event()

    def slow() -> Any:
        began.set()
        goes_on.wait(PATIENCE_S)
        return CUT

    submitting.answers["api"] = [slow]
    query = onehttp.Connection(submitting.runtime, "api").submit("GET")
    assert began.wait(PATIENCE_S)
    query.cancel()
    goes_on.set()
    assert isinstance(query.result(PATIENCE_S).error, onehttp.CancelledError)
    assert submitting.urls == ["GET http://api"]


def test_submitted_calls_follow_redirects_where_the_connection_does(submitting: World) -> None:
    submitting.connect(api={"redirects": True})
    submitting.answers = {"api": [(302, "", [("Location", "http://there/")])], "there": [200]}
    response = submitting.call("api")
    assert (response.status, response.redirect_count) == (200, 1)


def test_the_real_clock_pauses_in_a_thread_in_a_task_and_for_a_callback() -> None:
    import asyncio

    clock = Clock()
    began = clock.now()
    clock.pause(Pause(0.01))
    asyncio.run(clock.apause(Pause(0.01)))
    rung = threading.Event()
    clock.later(Pause(0.01), rung.set)
    assert rung.wait(PATIENCE_S)
    assert clock.now() - began >= 0.03


def test_a_turn_ends_a_pause_early() -> None:
    import asyncio

    clock = Clock()
    limiter = Limiter(LimitsPolicy(concurrent=1))
    before = Turn()
    limiter.enter(before)

    def pause(pause: Pause) -> None:
        clock.pause(pause)

    def apause(pause: Pause) -> None:
        asyncio.run(clock.apause(pause))

    for wait in (pause, apause):
        turn = Turn()
        assert not limiter.enter(turn)
        waiting = threading.Thread(target=wait, args=(Pause(60, turn),))
        waiting.start()
        limiter.leave(before)
        before = turn
        waiting.join(PATIENCE_S)
        assert not waiting.is_alive()
    turn = Turn()
    assert not limiter.enter(turn)
    woken = threading.Event()
    clock.later(Pause(60, turn), woken.set)
    limiter.leave(before)
    assert woken.wait(PATIENCE_S)


@pytest.mark.parametrize("is_cancelled", [False, True], ids=["its turn comes", "cancelled"])
def test_a_pause_that_ends_early_leaves_no_timer(submitting: World, is_cancelled: bool) -> None:
    submitting.connect(api={"limits": 1})
    clock = submitting.runtime.clock = Clock()
    limiter = limiter_of(submitting)
    turn = Turn()
    limiter.enter(turn)
    query = onehttp.Connection(submitting.runtime, "api").submit("GET", timeout=300)
    assert clock.timers.pending == 1
    if is_cancelled:
        query.cancel()
    else:
        limiter.leave(turn)
        assert query.result(PATIENCE_S).ok
    assert clock.timers.pending == 0


@pytest.mark.parametrize("fault", [RuntimeError("can't start new thread"), MemoryError()])
def test_a_call_that_cannot_go_on_ends(held: World, fault: Exception) -> None:
    clock = held.runtime.clock

    def later(pause: Pause, resume: Any) -> None:
        raise fault

    clock.later = later  # type: ignore[method-assign]
    result = onehttp.Connection(held.runtime, "api").submit("GET").result(PATIENCE_S)
    assert result.error is not None
    assert result.error.sent is onehttp.Sent.MAYBE
    assert type(fault).__name__ in str(result.error)
    assert limiter_of(held).in_flight == 0


def test_a_forked_child_has_all_places_free(submitting: World) -> None:
    submitting.connect(api={"limits": {"concurrent": 1, "wait": 0}, "circuit_breaker": 1})
    policies = submitting.runtime.revision["api"].policies
    assert policies is not None
    assert policies.begin(Turn(), submitting.clock.now())
    assert not policies.begin(Turn(), submitting.clock.now())
    child = os.fork()
    if child == 0:
        os._exit(0 if policies.begin(Turn(), submitting.clock.now()) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not policies.begin(Turn(), submitting.clock.now())
