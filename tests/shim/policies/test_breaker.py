"""The circuit breaker: its states, and what calls get to see of them."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import onehttp
from onehttp.policies.breaker import TRANSITIONS, Breaker, BreakerPolicy, BreakerState
from stand_ins.told import CUT, REFUSED, World


def circuit(world: World) -> BreakerState | None:
    return onehttp.Connection(world.runtime, "api").counters.circuit


def fail(world: World, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(onehttp.TransferError):
            world.call("api")


def test_after_failures_in_a_row_calls_are_refused_without_being_sent(world: World) -> None:
    world.connect(api={"circuit_breaker": {"failures": 3, "open_for": 10}})
    world.answers["api"] = [REFUSED]
    fail(world, 3)
    with pytest.raises(onehttp.CircuitOpenError, match="'api': not sent") as caught:
        world.call("api", "POST")
    error = caught.value
    assert (error.code, error.sent, error.phase) == (7, onehttp.Sent.NO, onehttp.Phase.QUEUE)
    assert len(world.seen) == 3
    counters = onehttp.Connection(world.runtime, "api").counters
    assert (counters.circuit_opened, counters.circuit_refused) == (1, 1)


@pytest.mark.parametrize("good", [200, 404, 429])
def test_a_success_in_between_starts_the_count_anew(world: World, good: int) -> None:
    world.connect(api={"circuit_breaker": 2})
    world.answers["api"] = [REFUSED, good, CUT, 200]
    fail(world)
    world.call("api")
    fail(world)
    assert circuit(world) is BreakerState.CLOSED
    assert world.call("api").status == 200


def test_server_errors_are_failures_and_reach_the_caller(world: World) -> None:
    world.connect(api={"circuit_breaker": 2})
    world.answers["api"] = [500]
    assert [world.call("api").status for _ in range(2)] == [500, 500]
    assert circuit(world) is BreakerState.OPEN


def test_when_its_time_is_over_one_trial_decides(world: World) -> None:
    world.connect(api={"circuit_breaker": {"failures": 1, "open_for": 10}})
    world.answers["api"] = [REFUSED, REFUSED, 200]
    fail(world)
    world.clock.now_s += 10
    fail(world)  # the trial: open again
    world.clock.now_s += 9.9
    with pytest.raises(onehttp.CircuitOpenError):
        world.call("api")
    world.clock.now_s += 0.1
    assert world.call("api").status == 200
    assert circuit(world) is BreakerState.CLOSED
    assert len(world.seen) == 3


def test_all_trials_must_succeed(world: World) -> None:
    world.connect(api={"circuit_breaker": {"failures": 1, "open_for": 10, "trials": 2}})
    world.answers["api"] = [REFUSED, 200]
    fail(world)
    world.clock.now_s += 10
    world.call("api")
    assert circuit(world) is BreakerState.HALF_OPEN
    world.call("api")
    assert circuit(world) is BreakerState.CLOSED


def test_what_says_nothing_of_the_server_leaves_the_trial_to_somebody_else(world: World) -> None:
    world.connect(api={"circuit_breaker": {"failures": 1, "open_for": 10}})
    world.answers["api"] = [REFUSED, 200]
    fail(world)
    world.clock.now_s += 10
    with pytest.raises(onehttp.RequestError):
        world.call("api", headers={"Bad\n": "x"})
    assert world.call("api").status == 200


def test_attempts_stop_when_they_open_the_circuit_and_the_real_failure_is_raised(
    world: World,
) -> None:
    world.connect(api={"circuit_breaker": 2, "retry": 5})
    world.answers["api"] = [REFUSED]
    with pytest.raises(onehttp.ConnectError) as caught:
        world.call("api")
    assert not isinstance(caught.value, onehttp.CircuitOpenError)
    assert len(world.seen) == 2
    assert len(world.clock.pauses) == 1


def test_an_attempt_from_before_the_circuit_opened_does_not_decide_a_trial() -> None:
    breaker = Breaker("api", BreakerPolicy(failures=1, open_s=10))
    old = breaker.admit(lambda: 0.0, "old")
    breaker.failed(breaker.admit(lambda: 0.0, "fails"), lambda: 0.0)
    trial = breaker.admit(lambda: 10.0, "trial")
    assert trial
    breaker.succeeded(old, "old")
    assert breaker.state is BreakerState.HALF_OPEN
    breaker.failed(old, lambda: 10.0)
    assert breaker.state is BreakerState.HALF_OPEN
    breaker.succeeded(trial, "trial")
    assert breaker.closed_era


class AnyOrder(RuleBasedStateMachine):
    """Attempts begin and end in any order, and time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = BreakerPolicy(failures=3, open_s=10, trials=2)
        self.breaker = Breaker("api", self.policy)
        self.now_s = 0.0
        self.running: list[tuple[int, object]] = []
        self.trial_era = 0
        self.states = [self.breaker.state]

    @rule()
    def begin(self) -> None:
        before = self.breaker.state
        attempt = object()
        era = self.breaker.admit(lambda: self.now_s, attempt)
        if before is BreakerState.CLOSED:
            assert era
        if era:
            self.running.append((era, attempt))
            if self.breaker.state is BreakerState.HALF_OPEN:
                self.trial_era = era

    @rule(end=st.sampled_from(["succeeded", "failed", "forget"]), which=st.integers(0, 99))
    def end(self, end: str, which: int) -> None:
        if self.running:
            era, attempt = self.running.pop(which % len(self.running))
            if end == "succeeded":
                self.breaker.succeeded(era, attempt)
            elif end == "failed":
                self.breaker.failed(era, lambda: self.now_s)
            for _ in range(2 if end == "forget" else 0):  # once more is no other
                self.breaker.forget(attempt)

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @invariant()
    def _changes_are_in_the_table(self) -> None:
        if self.breaker.state is not self.states[-1]:
            # One step of the machine can open a circuit that it found half-open, no more.
            assert self.breaker.state in TRANSITIONS[self.states[-1]]
            self.states.append(self.breaker.state)

    @invariant()
    def _no_more_trials_run_than_are_allowed(self) -> None:
        if self.breaker.state is BreakerState.HALF_OPEN:
            # Attempts from before the circuit opened may still run, more of them.
            trials = [era for era, _ in self.running].count(self.trial_era)
            assert trials <= self.policy.trials


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, deadline=None)
