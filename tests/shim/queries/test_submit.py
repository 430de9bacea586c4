"""submit: callbacks, routes by name, cancelling, and routes that fail."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading

import pytest

import onehttp
from onehttp.queries import scheduler as scheduler_module
from onehttp.queries.query import QueryState
from onehttp.queries.routes import Routes
from onehttp.queries.scheduler import QueryScheduler
from onehttp.testing import FakeTransactionLayer
from servers.patience import PATIENCE_S
from servers.raw import RawServer, echo, keep_answering, silent
from stand_ins.queries.ends import scheduler
from stand_ins.queries.scripted import HandWorkers, ScriptedBackend, Witness, failure, response


def test_a_route_gets_the_result_and_the_callers_data(api: str) -> None:
    came: list[onehttp.Result] = []
    ran = threading.Event()

    @onehttp.route("REPLY")
    def reply(result: onehttp.Result) -> None:
        came.append(result)
        ran.set()

    with RawServer(echo) as server:
        query = onehttp.submit("GET", f"{server.url}/r", route="REPLY", xdata={"call": 7})
        assert ran.wait(PATIENCE_S)
    assert came[0].ok
    assert came[0].query_id == query.id
    assert came[0].xdata == {"call": 7}
    assert came[0].response is not None
    assert came[0].response.text.startswith("GET /r ")


def test_a_failure_comes_as_a_result(api: str) -> None:
    with RawServer(silent) as server:
        result = onehttp.submit("GET", server.url, timeout=0.05).result(PATIENCE_S)
    assert not result.ok
    assert isinstance(result.error, onehttp.TimeoutError)
    assert result.response is None


def test_a_query_can_be_awaited(api: str) -> None:
    async def both() -> tuple[onehttp.Result, onehttp.Result]:
        query = onehttp.submit("GET", server.url)
        return await query, await query

    with RawServer(keep_answering) as server:
        first, second = asyncio.run(both())
    assert first is second
    assert first.ok


def test_a_cancelled_query_ends_with_that_error(api: str) -> None:
    with RawServer(silent) as server:
        query = onehttp.submit("GET", server.url, timeout=PATIENCE_S)
        assert query.cancel()
        result = query.result(PATIENCE_S)
        assert isinstance(result.error, onehttp.CancelledError)
        assert not query.cancel()


def test_an_unknown_route_sends_nothing(api: str) -> None:
    @onehttp.route("HTTP_REPLY")
    def reply(result: onehttp.Result) -> None:
        raise AssertionError(result)

    with RawServer(keep_answering) as server:
        with pytest.raises(onehttp.UnknownRouteError, match="did you mean 'HTTP_REPLY'"):
            onehttp.submit("GET", server.url, route="HTTP_REPLAY")
        assert onehttp.stats().transfers == 0


def test_a_route_that_raises_is_logged_and_the_worker_lives_on(
    api: str, caplog: pytest.LogCaptureFixture
) -> None:
    ran = threading.Semaphore(0)

    def broken(result: onehttp.Result) -> None:
        ran.release()
        raise ZeroDivisionError("route")

    with RawServer(keep_answering) as server, caplog.at_level(logging.ERROR, logger="onehttp"):
        for _ in range(10):
            onehttp.submit("GET", server.url, route=broken)
        for _ in range(10):
            assert ran.acquire(timeout=PATIENCE_S)
        onehttp.shutdown(PATIENCE_S)
    assert len([line for line in caplog.messages if "broken failed" in line]) == 10


def test_waiting_too_short_says_so_and_the_query_goes_on(api: str) -> None:
    with RawServer(silent) as server:
        query = onehttp.submit("GET", server.url, timeout=PATIENCE_S)
        with pytest.raises(TimeoutError, match=f"query {query.id}"):
            query.result(0)
        query.cancel()
        query.result(PATIENCE_S)


def test_a_connection_submits_too(engine: str) -> None:
    with RawServer(echo) as server:
        document = {"version": 1, "connections": {"api": {"url": f"{server.url}/v1"}}}
        onehttp.init(document, backend=engine)
        result = onehttp.connection("api").submit("POST", "/x", json=1).result(PATIENCE_S)
    assert result.response is not None
    assert result.response.text.startswith("POST /v1/x ")


@pytest.mark.parametrize("route", ["", "x" * 100_000, 7, ["REPLY"], b"REPLY"])
def test_a_route_that_is_none_is_named_and_nothing_is_sent(api: str, route: object) -> None:
    with RawServer(keep_answering) as server:
        with pytest.raises(onehttp.UnknownRouteError, match="route"):
            onehttp.submit("GET", server.url, route=route)  # type: ignore[arg-type]
        assert server.connections == 0
    assert onehttp.query_stats().refused == 1


@pytest.mark.parametrize("timeout", [-1, float("nan"), "4"])
def test_an_invalid_timeout_is_refused(api: str, timeout: float) -> None:
    with pytest.raises(onehttp.RequestError, match="timeout"):
        onehttp.submit("GET", "http://127.0.0.1/", timeout=timeout)
    assert onehttp.query_stats().submitted == 0


def test_a_script_has_its_functions_for_routes(api: str) -> None:
    class Script:
        def __init__(self) -> None:
            self.ran = threading.Event()

        def ksr_reply(self, result: onehttp.Result) -> None:
            self.ran.set()

        def _private(self, result: onehttp.Result) -> None:
            raise AssertionError("not a route")

    script = Script()
    onehttp.routes_in(script)
    with RawServer(keep_answering) as server:
        onehttp.submit("GET", server.url, route="ksr_reply")
        assert script.ran.wait(PATIENCE_S)
        with pytest.raises(onehttp.UnknownRouteError):
            onehttp.submit("GET", server.url, route="_private")


def test_a_query_can_be_waited_for_before_and_after_its_answer(api: str) -> None:
    async def both(url: str) -> tuple[onehttp.Result, onehttp.Result]:
        query = onehttp.submit("GET", url)
        first, second = await asyncio.gather(_wait(query), _wait(query))
        assert first is second is query.result(0)
        return first, await query

    with RawServer(keep_answering) as server:
        first, last = asyncio.run(both(server.url))
    assert first is last


async def _wait(query: onehttp.Query) -> onehttp.Result:
    return await query


def test_a_task_that_stops_waiting_leaves_the_query_alone(api: str) -> None:
    async def leave(url: str) -> onehttp.Query:
        query = onehttp.submit("GET", url, timeout=PATIENCE_S)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(_wait(query), 0)
        return query

    with RawServer(keep_answering) as server:
        query = asyncio.run(leave(server.url))
        assert query.result(PATIENCE_S).ok


def scripted() -> tuple[ScriptedBackend, QueryScheduler]:
    backend = ScriptedBackend()
    return backend, QueryScheduler(backend, Routes(), onehttp.QueryLimits())


REQUEST = onehttp.Request("GET", "http://a.example/")


def test_ctrl_c_in_a_submit_takes_it_back(caplog: pytest.LogCaptureFixture) -> None:
    backend, queries = scripted()
    backend.modes[REQUEST.url] = "interrupted"
    witness = Witness(FakeTransactionLayer().new())
    ran: list[onehttp.Result] = []
    with onehttp.transaction(witness), pytest.raises(KeyboardInterrupt):
        queries.submit(REQUEST, ran.append, None)
    assert list(witness.ways.values()) == [["cancel_suspend"]]
    backend.held[0].end(response())  # its transfer was on its way already
    stats = queries.stats()
    assert (stats.submitted, stats.refused, stats.suspended, stats.open) == (0, 1, 0, 0)
    assert ran == []
    assert not caplog.messages


def test_ctrl_c_after_the_answer_takes_it_back_before_its_route_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduler_module, "RouteWorkers", HandWorkers)
    backend, queries = scripted()
    workers = queries._workers
    assert isinstance(workers, HandWorkers)
    backend.modes[REQUEST.url] = "at once"
    witnesses = [Witness(FakeTransactionLayer().new()) for _ in range(2)]
    ran: list[onehttp.Result] = []

    def start(request: onehttp.Request, on_done: object) -> object:
        backend.submit(request, on_done)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    for witness in witnesses:
        with onehttp.transaction(witness), pytest.raises(KeyboardInterrupt):
            queries.submit(REQUEST, ran.append, None, start)  # type: ignore[arg-type]
    ended = threading.Event()
    workers.begin(workers.line[0], ended.set)
    assert ended.wait(PATIENCE_S)
    assert queries.close(0) == onehttp.ShutdownReport()
    assert ran == []
    assert [list(witness.ways.values()) for witness in witnesses] == [[["cancel_suspend"]]] * 2
    assert (queries.stats().submitted, queries.stats().refused) == (0, 2)


def test_a_query_answered_before_submit_returns_keeps_no_transfer() -> None:
    backend, queries = scripted()
    backend.modes[REQUEST.url] = "at once"
    query = queries.submit(REQUEST, None, None)
    assert query.result(0).ok
    assert query._transfer is None
    assert not query.cancel()


def test_a_signal_handler_may_submit_in_the_midst_of_a_submit(api: str) -> None:
    submitted: list[onehttp.Query] = []
    with RawServer(keep_answering) as server:

        def on_signal(*_: object) -> None:
            submitted.append(onehttp.submit("GET", server.url))

        before = signal.signal(signal.SIGUSR1, on_signal)
        try:
            with scheduler().changing:
                signal.raise_signal(signal.SIGUSR1)
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert submitted[0].result(PATIENCE_S).ok


def test_a_second_outcome_changes_nothing() -> None:
    backend, queries = scripted()
    query = queries.submit(REQUEST, None, None)
    transfer = backend.held[0]
    transfer.end(response())
    transfer.on_done(failure())
    assert query.result(0).ok
    assert queries.stats().completed == 1


def test_a_query_cancelled_before_it_has_its_transfer_is_cancelled_with_it() -> None:
    backend, queries = scripted()
    cancelled = []

    def start(request: onehttp.Request, on_done: object) -> object:
        (query,) = queries._open
        cancelled.append(query.cancel())
        return backend.submit(request, on_done)  # type: ignore[arg-type]

    query = queries.submit(REQUEST, None, None, start)  # type: ignore[arg-type]
    assert cancelled == [True]
    assert isinstance(query.error, onehttp.CancelledError)


def test_states_change_as_the_table_allows_and_no_other_way() -> None:
    backend, queries = scripted()
    query = queries.submit(REQUEST, None, None)
    backend.held[0].end(response())
    with pytest.raises(RuntimeError, match=rf"query {query.id}: ended -> in flight"):
        query.become(QueryState.IN_FLIGHT)


def test_who_gives_up_waiting_leaves_no_trace() -> None:
    _, queries = scripted()
    query = queries.submit(REQUEST, None, None)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            query.result(-1)
    assert query._wakers == []
