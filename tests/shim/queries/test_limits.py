"""Slots on the wire, the queue before them, and time that runs out in it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import onehttp
from onehttp.queries.query import Query
from onehttp.queries.routes import Routes
from onehttp.queries.scheduler import QueryScheduler
from onehttp.timers import Timers
from onehttp_backends.contract import Outcome
from onehttp_backends.errors import Phase
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering
from stand_ins.queries.ends import Ends, scheduler
from stand_ins.queries.scripted import ScriptedBackend, failure, response


class Scripted:
    """A scheduler on a scripted engine; ``started`` are the URLs it has started, in order."""

    def __init__(self, **limits: Any) -> None:
        self.started: list[str] = []
        self.backend = ScriptedBackend(self._passes)
        self.timers = Timers()
        self.queries = QueryScheduler(
            self.backend, Routes(), onehttp.QueryLimits(workers=1, **limits), self.timers
        )

    def _passes(self, url: str, outcome: object) -> None:
        if outcome is None:
            self.started.append(url[7:])

    def submit(self, place: str, mode: str = "held", timeout_s: float = 0) -> Query:
        self.backend.modes[f"http://{place}"] = mode
        request = onehttp.Request("GET", f"http://{place}", total_timeout_s=timeout_s)
        return self.queries.submit(request, None, None)

    def end_first(self) -> None:
        self.backend.held[0].end(response())


def test_no_more_transfers_than_places_are_on_the_wire() -> None:
    scripted = Scripted(max_in_flight=3)
    queries = [scripted.submit(f"a/{number}") for number in range(10)]
    for ended in range(10):
        assert len(scripted.backend.held) == min(3, 10 - ended)
        scripted.end_first()
    assert all(query.result(0).ok for query in queries)
    assert scripted.started == [f"a/{number}" for number in range(10)]


def test_an_origin_takes_no_more_than_its_own_places() -> None:
    scripted = Scripted(max_in_flight_per_origin=2)
    for place in ["a/0", "a/1", "a/2", "b/0", "b/1", "b/2"]:
        scripted.submit(place)
    assert scripted.started == ["a/0", "a/1", "b/0", "b/1"]
    scripted.end_first()
    assert scripted.started[4:] == ["a/2"]


def test_origins_take_turns_however_many_wait_for_one_of_them() -> None:
    scripted = Scripted(max_in_flight=1)
    for place in ["a/0", "a/1", "a/2", "a/3", "b/0", "b/1", "c/0"]:
        scripted.submit(place)
    while scripted.backend.held:
        scripted.end_first()
    assert scripted.started == ["a/0", "a/1", "b/0", "c/0", "a/2", "b/1", "a/3"]


def test_a_long_line_of_starts_that_end_at_once_is_not_as_deep_as_long() -> None:
    scripted = Scripted(max_in_flight=1)
    scripted.submit("a/held")
    queries = [scripted.submit(f"a/{number}", "at once") for number in range(5000)]
    scripted.end_first()
    assert all(query.result(0).ok for query in queries)
    assert scripted.queries.stats().completed == 5001


def test_a_start_that_fails_in_the_line_is_that_querys_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scripted = Scripted(max_in_flight=1)
    first = scripted.submit("a/first")
    unfit = scripted.submit("a/unfit", "unfit")
    broken = scripted.submit("a/broken", "broken")
    last = scripted.submit("a/last")
    scripted.end_first()
    assert first.result(0).ok
    assert isinstance(unfit.error, onehttp.RequestError)
    assert "RuntimeError: broken" in str(broken.error)
    assert f"query {broken.id}: could not be started" in caplog.messages
    scripted.end_first()
    assert last.result(0).ok


def test_an_interrupted_start_gives_its_place_back_once() -> None:
    scripted = Scripted(max_in_flight=2)
    scripted.submit("a/0")
    with pytest.raises(KeyboardInterrupt):
        scripted.submit("a/1", "interrupted")
    scripted.backend.held[1].end(response())  # it was on its way, and comes for nobody
    scripted.submit("a/2")
    scripted.submit("a/3")
    assert scripted.started == ["a/0", "a/1", "a/2"]
    assert scripted.queries.stats().submitted == 3


def test_a_cancelled_query_leaves_the_line() -> None:
    scripted = Scripted(max_in_flight=1)
    scripted.submit("a/0")
    waiting = [scripted.submit(f"a/{number}") for number in range(1, 4)]
    assert waiting[0].state is onehttp.QueryState.WAITING
    assert waiting[0].cancel()
    assert isinstance(waiting[0].error, onehttp.CancelledError)
    scripted.end_first()
    assert scripted.started == ["a/0", "a/2"]


def test_a_query_that_starts_late_has_what_is_left_of_its_time() -> None:
    scripted = Scripted(max_in_flight=1)
    scripted.submit("a/0")
    scripted.submit("a/1", timeout_s=PATIENCE_S)
    scripted.end_first()
    left_s = scripted.backend.held[0].request.total_timeout_s
    assert left_s is not None
    assert 0 < left_s < PATIENCE_S


def test_time_runs_out_in_the_line_too(engine: str, holding: HoldingServer) -> None:
    onehttp.init(backend=engine, queries=onehttp.QueryLimits(max_in_flight=1))
    first = onehttp.submit("GET", f"{holding.url}/first", timeout=PATIENCE_S)
    held = holding.arrival("/first")
    error = onehttp.submit("GET", f"{holding.url}/late", timeout=0.02).result(PATIENCE_S).error
    assert isinstance(error, onehttp.TimeoutError)
    assert error.phase is Phase.QUEUE
    assert error.sent is onehttp.Sent.NO
    held.answer()
    assert first.result(PATIENCE_S).ok
    assert holding.targets == ["GET /first"]


def test_the_soonest_deadline_comes_first_whenever_it_was_set(
    engine: str, holding: HoldingServer, ends: Ends
) -> None:
    onehttp.init(backend=engine, queries=onehttp.QueryLimits(max_in_flight=1))
    onehttp.submit("GET", f"{holding.url}/first", timeout=PATIENCE_S)
    patient = onehttp.submit("GET", holding.url, timeout=PATIENCE_S)
    hasty = onehttp.submit("GET", holding.url, timeout=0.02)
    ends.wait(hasty)
    assert isinstance(hasty.error, onehttp.TimeoutError)
    assert not patient.is_answered


def test_a_full_queue_refuses() -> None:
    scripted = Scripted(queue_length=2)
    first = scripted.submit("a/0")
    scripted.submit("a/1")
    with pytest.raises(onehttp.QueueFullError, match="2 queries are open"):
        scripted.submit("a/2")
    scripted.end_first()
    assert first.result(0).ok
    scripted.submit("a/3")
    stats = scripted.queries.stats()
    assert (stats.submitted, stats.refused, stats.open) == (3, 1, 2)


def test_a_query_whose_route_has_begun_is_out_of_the_queue() -> None:
    scripted = Scripted(queue_length=1)
    begun, may_end = threading.Event(), threading.Event()

    def route(result: onehttp.Result) -> None:
        begun.set()
        assert may_end.wait(PATIENCE_S)

    request = onehttp.Request("GET", "http://a/0")
    scripted.queries.submit(request, route, None)
    with pytest.raises(onehttp.QueueFullError):
        scripted.submit("a/1")
    scripted.end_first()
    assert begun.wait(PATIENCE_S)
    scripted.submit("a/2")
    may_end.set()


def test_a_full_queue_makes_wait_until_there_is_room() -> None:
    scripted = Scripted(queue_length=1, when_full="wait", wait_s=10 * PATIENCE_S)
    scripted.submit("a/0")
    waits = threading.Event()
    condition = scripted.queries._open.has_room
    wait_for = condition.wait_for

    def telling_wait_for(predicate: Any, timeout: float | None = None) -> Any:
        waits.set()
        return wait_for(predicate, timeout)

    condition.wait_for = telling_wait_for  # type: ignore[method-assign]
    waiting = threading.Thread(target=scripted.submit, args=("a/1",))
    waiting.start()
    assert waits.wait(PATIENCE_S)
    scripted.end_first()
    waiting.join(PATIENCE_S)
    assert scripted.started == ["a/0", "a/1"]


def test_waiting_for_room_has_an_end() -> None:
    scripted = Scripted(queue_length=1, when_full="wait", wait_s=0.01)
    scripted.submit("a/0")
    with pytest.raises(onehttp.QueueFullError):
        scripted.submit("a/1")


def test_an_event_loop_never_waits_for_room() -> None:
    scripted = Scripted(queue_length=1, when_full="wait", wait_s=10 * PATIENCE_S)
    scripted.submit("a/0")

    async def submit() -> None:
        with pytest.raises(onehttp.QueueFullError):
            scripted.submit("a/1")

    asyncio.run(submit())


def test_ten_thousand_held_queries_are_all_accounted_for() -> None:
    scripted = Scripted(max_in_flight=100, max_in_flight_per_origin=60, queue_length=10_000)
    queries = [scripted.submit(f"{'ab'[number % 2]}/{number}") for number in range(10_000)]
    with pytest.raises(onehttp.QueueFullError):
        scripted.submit("a/more")
    outcomes: list[Outcome] = [response(), failure()]
    while scripted.backend.held:
        scripted.backend.held[0].end(outcomes[len(scripted.started) % 2])
    stats = scripted.queries.stats()
    assert (stats.submitted, stats.refused, stats.open) == (10_000, 1, 0)
    assert stats.completed + stats.failed == 10_000
    assert all(query.is_answered for query in queries)


def test_ten_thousand_submits_faster_than_the_server_answers(engine: str) -> None:
    count = 10_000 if engine == "pycurl" else 300  # the double is slow
    limits = onehttp.QueryLimits(max_in_flight=32, queue_length=count)
    onehttp.init(backend=engine, queries=limits)
    ran = threading.Semaphore(0)
    with RawServer(keep_answering) as server:
        for _ in range(count):
            onehttp.submit(
                "GET", server.url, route=lambda _: ran.release(), timeout=10 * PATIENCE_S
            )
        for _ in range(count):
            assert ran.acquire(timeout=PATIENCE_S)
        queries = scheduler()
        onehttp.shutdown(PATIENCE_S)
    stats = queries.stats()
    assert (stats.submitted, stats.completed, stats.routes_run) == (count, count, count)


@pytest.mark.parametrize(
    "limits",
    [
        {"workers": 0},
        {"workers": True},
        {"workers": 1.5},
        {"queue_length": -1},
        {"max_in_flight": "8"},
        {"max_in_flight_per_origin": None},
        {"wait_s": float("nan")},
        {"wait_s": -1},
        {"when_full": "block"},
    ],
)
def test_limits_that_are_none_are_named(limits: dict[str, Any]) -> None:
    (name,) = limits
    with pytest.raises(onehttp.ConfigurationError, match=rf"^queries\.{name}: expected"):
        onehttp.QueryLimits(**limits)


def test_who_has_left_the_line_is_not_kept_for_its_deadline() -> None:
    scripted = Scripted(max_in_flight=1)
    scripted.submit("a/0")
    cancelled, started = (scripted.submit(f"a/{number}", timeout_s=300) for number in (1, 2))
    cancelled.cancel()
    scripted.end_first()
    assert started.state is onehttp.QueryState.IN_FLIGHT
    assert scripted.timers.pending == 0


def test_without_a_thread_for_timers_a_query_is_refused_and_leaves_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripted = Scripted(max_in_flight=1)
    scripted.submit("a/0")

    def no_more(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_more)
        with pytest.raises(RuntimeError, match="new thread"):
            scripted.submit("a/1", timeout_s=5)
    scripted.submit("a/2")
    scripted.end_first()
    assert scripted.started == ["a/0", "a/2"]
    assert scripted.queries.stats().refused == 1
