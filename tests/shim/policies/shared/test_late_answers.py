"""Answers of the server that come later than a call waits for them."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any, TypeAlias

import pytest

import onehttp
from onehttp.calls.sharing import Shared, SharedPermit
from onehttp.connections.file.load import load_connections
from onehttp.policies.clock import Clock, Pause
from onehttp.policies.deadline import Deadline
from onehttp.policies.limits import Turn
from onehttp.policies.shared import scripts
from onehttp.policies.shared import store as stores
from onehttp.policies.shared.gate import Enter, Gate, GateAnswer
from onehttp.policies.shared.policy import SharedPolicy
from onehttp_backends.contract import Request, TransferOptions
from servers.brokers.redis import RedisServer
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from shim.policies.shared.test_counted_together import configured

FULL = GateAnswer(scripts.NO_PLACE, 0.0, 0)
IN = GateAnswer(scripts.ADMITTED, 0.0, 0)
LATE = "late"
AWAY = None
Script: TypeAlias = "list[GateAnswer | str | None]"


class Scripted:
    """Answers what it is told to; late is none at all until the call has given up."""

    def __init__(self, *answers: GateAnswer | str | None) -> None:
        self.answers = list(answers)
        self.late = 0

    def enter(self, gate: Gate, patience_s: float | None) -> Enter:
        return Enter(gate, "token", patience_s)

    def ask(self, enter: Enter) -> bool:
        answer = self.answers.pop(0)
        if isinstance(answer, GateAnswer):
            enter.settle(answer)
        return answer is not AWAY

    def was_late(self) -> None:
        self.late += 1


def admitted(script: Script, on_failure: str = "local") -> tuple[Any, Scripted]:
    shared = {"url": "redis://127.0.0.1:9/0", "on_failure": on_failure}
    api = {"url": "http://127.0.0.1:9", "limits": {"concurrent": 1}}
    found = load_connections({"version": 1, "shared": shared, "connections": {"api": api}})
    spec = found["api"]
    assert spec.shared is not None
    made = Shared(spec, spec.shared)
    store: Any = Scripted(*script)
    made._store = store
    request = Request("GET", "http://127.0.0.1:9", options=TransferOptions(total_timeout_s=0))
    steps: Generator[Pause, None, Any] = made.admitted(Deadline(request, Clock()), Turn())
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return end.value, store


def test_the_first_that_is_late_is_not_waited_for() -> None:
    place, store = admitted([LATE])
    assert place is None
    assert store.late == 1


def test_a_late_answer_refuses_the_call_with_on_failure_refuse() -> None:
    place, _ = admitted([LATE], "refuse")
    assert isinstance(place, onehttp.LimitReachedError)


@pytest.mark.parametrize("on_failure", ["local", "refuse"])
@pytest.mark.parametrize("script", [[FULL, LATE, IN], [FULL, LATE, FULL, LATE, LATE, IN]])
def test_who_was_told_to_wait_waits_on(script: Script, on_failure: str) -> None:
    place, store = admitted(script, on_failure)
    assert isinstance(place, SharedPermit)
    assert store.late == script.count(LATE)
    assert store.answers == []


def test_until_the_server_is_away() -> None:
    assert admitted([FULL, LATE, AWAY])[0] is None


def test_calls_that_wait_for_one_round_trip_are_late_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("onehttp.policies.shared.store.time.monotonic", lambda: now[0])
    store = stores.SharedStore(SharedPolicy(url="redis://127.0.0.1:9/0", budget_s=0.02))
    store.is_there = True
    for trip in range(stores.LATE):
        assert store.is_there
        for _ in range(10):  # threads that a busy process wakes one after the other
            store.was_late()
            now[0] += 0.001
        assert store.is_there is (trip < stores.LATE - 1)
        now[0] += 0.02


def test_what_was_let_in_by_one_process_alone_is_counted(engine: str, redis: RedisServer) -> None:
    redis.stop()
    with HoldingServer() as server:
        connections = configured(redis, server.url, limits={"concurrent": 1})
        onehttp.init(connections=connections, backend=engine)
        api = onehttp.connection("api")
        calling = threading.Thread(target=api.get, args=("/held",))
        calling.start()
        server.arrival("/held").answer()
        calling.join(PATIENCE_S)
        assert api.counters.counted_alone == 1
