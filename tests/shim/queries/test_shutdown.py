"""Queries at a shutdown: finished or failed, and told how many of each."""

from __future__ import annotations

import threading

import pytest

import onehttp
from onehttp.queries.routes import RouteTarget
from onehttp.testing import FakeTransaction, FakeTransactionLayer
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from stand_ins.queries.ends import Ends, scheduler
from stand_ins.queries.scripted import Witness


def submit_held(server: HoldingServer, path: str, route: RouteTarget = None) -> onehttp.Query:
    """A query whose request is at the server."""
    query = onehttp.submit("GET", f"{server.url}{path}", route=route, timeout=PATIENCE_S)
    server.arrival(path)
    return query


class Shutdown(threading.Thread):
    """`onehttp.shutdown` in another thread; ``waits`` is set once it waits for open queries."""

    def __init__(self, grace_s: float) -> None:
        super().__init__()
        self._grace_s = grace_s
        self.waits = threading.Event()
        self.report = onehttp.ShutdownReport()
        condition = scheduler()._open.has_ended
        wait_for = condition.wait_for

        def telling_wait_for(*args: object) -> object:
            self.waits.set()
            return wait_for(*args)  # type: ignore[arg-type]

        condition.wait_for = telling_wait_for  # type: ignore[method-assign,assignment]

    def __enter__(self) -> Shutdown:
        self.start()
        assert self.waits.wait(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.join(PATIENCE_S)

    def run(self) -> None:
        self.report = onehttp.shutdown(self._grace_s)


def test_a_grace_lets_queries_and_their_routes_finish(
    api: str, holding: HoldingServer, layer: FakeTransactionLayer
) -> None:
    message = layer.new()
    with onehttp.transaction(message):
        submit_held(holding, "/a", lambda result: message.reply(200, "OK"))
    plain = submit_held(holding, "/b")
    with Shutdown(PATIENCE_S) as shutdown:
        holding.arrival("/a").answer()
        holding.arrival("/b").answer()
    assert shutdown.report == onehttp.ShutdownReport(finished=2)
    assert message.responses == ["200 OK"]
    assert plain.result(0).ok


def test_without_grace_queries_are_cancelled_and_transactions_go_on_without_their_routes(
    api: str,
    holding: HoldingServer,
    layer: FakeTransactionLayer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    witnesses = [Witness(layer.new()) for _ in range(3)]
    ran: list[onehttp.Result] = []
    for number, witness in enumerate(witnesses):
        with onehttp.transaction(witness):
            submit_held(holding, f"/{number}", ran.append)
    plain = submit_held(holding, "/plain")
    queries = scheduler()
    report = onehttp.shutdown()
    assert report == onehttp.ShutdownReport(cancelled=4, routes_not_run=3)
    assert f"shutdown: {report}" in caplog.messages
    assert ran == []
    for witness in witnesses:
        assert list(witness.ways.values()) == [["resume"]]
        assert witness.inner.responses == ["500"]
    assert isinstance(plain.result(0).error, onehttp.CancelledError)
    stats = queries.stats()
    assert (stats.cancelled, stats.suspended, stats.resumed, stats.open) == (4, 3, 3, 0)


def test_queries_that_wait_for_a_place_are_cancelled_too(
    engine: str, holding: HoldingServer
) -> None:
    onehttp.init(backend=engine, queries=onehttp.QueryLimits(max_in_flight=1))
    submit_held(holding, "/a")
    waiting = [onehttp.submit("GET", f"{holding.url}/b") for _ in range(5)]
    assert onehttp.shutdown() == onehttp.ShutdownReport(cancelled=6)
    assert all(isinstance(query.error, onehttp.CancelledError) for query in waiting)
    assert holding.targets == ["GET /a"]


def test_routes_that_nobody_has_begun_are_counted_and_their_transactions_go_on(
    engine: str, holding: HoldingServer, layer: FakeTransactionLayer, ends: Ends
) -> None:
    onehttp.init(backend=engine, queries=onehttp.QueryLimits(workers=1))
    begun, may_end = threading.Event(), threading.Event()

    def slow(result: onehttp.Result) -> None:
        begun.set()
        assert may_end.wait(PATIENCE_S)

    running = submit_held(holding, "/slow", slow)
    holding.arrival("/slow").answer()
    assert begun.wait(PATIENCE_S)
    message = layer.new()
    with onehttp.transaction(message):
        waiting = submit_held(holding, "/a", lambda result: message.reply(200, "OK"))
    holding.arrival("/a").answer()
    waiting.result(PATIENCE_S)
    queries = scheduler()
    assert onehttp.shutdown() == onehttp.ShutdownReport(finished=1, still_open=1, routes_not_run=1)
    assert message.responses == ["500"]
    may_end.set()
    ends.wait(running)
    stats = queries.stats()
    assert (stats.completed, stats.routes_run, stats.routes_not_run) == (2, 1, 1)


def test_a_route_may_shut_down_and_initialise_again(
    api: str, holding: HoldingServer, ends: Ends
) -> None:
    reports: list[onehttp.ShutdownReport] = []

    def again(result: onehttp.Result) -> None:
        reports.append(onehttp.shutdown(PATIENCE_S))
        onehttp.init(backend=api)
        with pytest.raises(onehttp.RequestError):
            onehttp.submit("GET", "unfit")

    query = submit_held(holding, "/a", again)
    before = scheduler()
    holding.arrival("/a").answer()
    ends.wait(query)
    assert reports == [onehttp.ShutdownReport()]
    assert (before.stats().completed, before.stats().routes_failed) == (1, 0)
    assert onehttp.query_stats().refused == 1
    assert onehttp.query_stats().submitted == 0


def test_two_concurrent_shutdowns_act_once_and_both_return(
    api: str, holding: HoldingServer
) -> None:
    submit_held(holding, "/a")
    with Shutdown(PATIENCE_S) as first:
        assert onehttp.shutdown(PATIENCE_S) == onehttp.ShutdownReport()
        holding.arrival("/a").answer()
    assert first.report == onehttp.ShutdownReport(finished=1)


def test_no_query_is_let_in_while_a_shutdown_waits(api: str, holding: HoldingServer) -> None:
    query = submit_held(holding, "/a")
    queries = scheduler()
    with Shutdown(PATIENCE_S):
        with pytest.raises(onehttp.NotInitialisedError, match="was shut down"):
            onehttp.submit("GET", holding.url)
        with pytest.raises(onehttp.NotInitialisedError, match="nothing was sent"):
            queries.submit(onehttp.Request("GET", holding.url), None, None)
        holding.arrival("/a").answer()
    assert query.result(0).ok
    assert holding.targets == ["GET /a"]


def test_who_waits_for_room_is_refused_by_a_shutdown(engine: str, holding: HoldingServer) -> None:
    limits = onehttp.QueryLimits(queue_length=1, when_full="wait", wait_s=10 * PATIENCE_S)
    onehttp.init(backend=engine, queries=limits)
    submit_held(holding, "/a")
    condition = scheduler()._open.has_room
    wait_for, waits = condition.wait_for, threading.Event()

    def telling_wait_for(*args: object) -> object:
        waits.set()
        return wait_for(*args)  # type: ignore[arg-type]

    condition.wait_for = telling_wait_for  # type: ignore[method-assign,assignment]
    refused = threading.Event()

    def submit() -> None:
        with pytest.raises(onehttp.NotInitialisedError):
            onehttp.submit("GET", holding.url)
        refused.set()

    thread = threading.Thread(target=submit)
    thread.start()
    assert waits.wait(PATIENCE_S)
    assert onehttp.shutdown().cancelled == 1
    assert refused.wait(PATIENCE_S)
    thread.join(PATIENCE_S)


def test_ctrl_c_while_a_shutdown_waits_ends_everything_at_once(
    api: str, holding: HoldingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = submit_held(holding, "/a")

    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(scheduler()._open.has_ended, "wait_for", interrupted)
    with pytest.raises(KeyboardInterrupt):
        onehttp.shutdown(PATIENCE_S)
    assert isinstance(query.result(0).error, onehttp.CancelledError)
    assert not onehttp.is_initialised()


def test_a_transaction_that_cannot_go_on_does_not_keep_the_others(
    api: str,
    holding: HoldingServer,
    layer: FakeTransactionLayer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    others: list[FakeTransaction] = []
    for number, fault in enumerate(["", "resume", ""]):
        witness = Witness(layer.new(), fault)
        others += [] if fault else [witness.inner]
        with onehttp.transaction(witness):
            submit_held(holding, f"/{number}")
    queries = scheduler()
    assert onehttp.shutdown().cancelled == 3
    assert [message.responses for message in others] == [["500"], ["500"]]
    assert [line for line in caplog.messages if "its transaction failed" in line]
    assert queries.stats().resumed == 3


def test_a_thread_that_waits_for_a_query_is_woken_by_a_shutdown(
    api: str, holding: HoldingServer
) -> None:
    query = submit_held(holding, "/a")
    came: list[onehttp.Result] = []
    waiting = threading.Thread(target=lambda: came.append(query.result(PATIENCE_S)))
    waiting.start()
    onehttp.shutdown()
    waiting.join(PATIENCE_S)
    assert isinstance(came[0].error, onehttp.CancelledError)


def test_the_next_runtime_counts_from_zero(api: str, holding: HoldingServer) -> None:
    submit_held(holding, "/a")
    onehttp.shutdown()
    onehttp.init(backend=api)
    assert onehttp.query_stats().submitted == 0
    query = submit_held(holding, "/b")
    holding.arrival("/b").answer()
    assert query.result(PATIENCE_S).ok
