"""Tasks of an event loop that are suspended by a query and taken up by its answer."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

import onehttp
from onehttp.queries.routes import Route, RouteTarget
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering
from stand_ins.queries.ends import Ends


async def suspended(url: str, route: RouteTarget, timeout_s: float | None = None) -> object:
    """What a task gets that waits for ``url`` and its route."""
    transaction = onehttp.TaskTransaction(timeout_s)
    with onehttp.transaction(transaction):
        onehttp.submit("GET", url, route=route, timeout=PATIENCE_S)
    return await transaction


async def on_a_loop(result: onehttp.Result) -> str:
    await asyncio.sleep(0)
    return f"awaited {result.ok}"


def raising(result: onehttp.Result) -> None:
    raise LookupError("no such caller")


async def raising_on_a_loop(result: onehttp.Result) -> None:
    await asyncio.sleep(0)
    raise LookupError("no such caller")


def test_a_task_gets_what_its_route_returns(api: str) -> None:
    with RawServer(keep_answering) as server:
        value = asyncio.run(suspended(server.url, lambda result: f"status {result.ok}"))
    assert value == "status True"


def test_a_coroutine_function_is_a_route_here(api: str) -> None:
    with RawServer(keep_answering) as server:
        assert asyncio.run(suspended(server.url, on_a_loop)) == "awaited True"


def test_without_a_route_a_task_gets_the_result(api: str) -> None:
    with RawServer(keep_answering) as server:
        result = asyncio.run(suspended(server.url, None))
    assert isinstance(result, onehttp.Result)
    assert result.ok


@pytest.mark.parametrize("route", [raising, raising_on_a_loop])
def test_what_a_route_raises_comes_out_of_the_await(api: str, route: Route) -> None:
    with RawServer(keep_answering) as server, pytest.raises(LookupError, match="no such caller"):
        asyncio.run(suspended(server.url, route))


def test_a_route_runs_in_the_loops_thread(api: str) -> None:
    with RawServer(keep_answering) as server:
        thread = asyncio.run(suspended(server.url, lambda _: threading.current_thread()))
    assert thread is threading.main_thread()


def test_a_task_that_waits_too_long_runs_no_route(
    api: str, holding: HoldingServer, ends: Ends
) -> None:
    ran: list[onehttp.Result] = []

    async def wait() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await suspended(f"{holding.url}/a", ran.append, timeout_s=0.01)
        holding.arrival("/a").answer()

    asyncio.run(wait())
    onehttp.backend()
    queries = onehttp.api.process.runtime.queries  # type: ignore[union-attr]
    onehttp.shutdown(PATIENCE_S)
    assert ran == []
    assert (queries.stats().gone, queries.stats().completed) == (1, 1)


def test_a_cancelled_task_runs_no_route(api: str, holding: HoldingServer) -> None:
    ran: list[onehttp.Result] = []

    async def cancel() -> None:
        task = asyncio.create_task(suspended(f"{holding.url}/a", ran.append))
        await asyncio.get_running_loop().run_in_executor(None, holding.arrival, "/a")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        holding.arrival("/a").answer()

    asyncio.run(cancel())
    queries = onehttp.api.process.runtime.queries  # type: ignore[union-attr]
    onehttp.shutdown(PATIENCE_S)
    assert ran == []
    assert queries.stats().gone == 1


def test_an_answer_after_the_end_of_the_loop_finds_its_task_gone(
    api: str, holding: HoldingServer, ends: Ends
) -> None:
    async def leave() -> onehttp.Query:
        with onehttp.transaction(onehttp.TaskTransaction()):
            return onehttp.submit("GET", f"{holding.url}/a", timeout=PATIENCE_S)

    query = asyncio.run(leave())
    holding.arrival("/a").answer()
    ends.wait(query)
    assert onehttp.query_stats().gone == 1


@pytest.mark.parametrize("is_late", [False, True], ids=["in time", "when all are answered"])
def test_a_route_submits_the_next_query_of_its_task(api: str, is_late: bool) -> None:
    async def chain(url: str) -> list[object]:
        transaction = onehttp.TaskTransaction()
        answered = asyncio.Event()

        def first(result: onehttp.Result) -> str:
            onehttp.submit("GET", url, route=second)
            return "first"

        async def second(result: onehttp.Result) -> str:
            onehttp.submit("GET", url, route=third)
            return "second"

        def third(result: onehttp.Result) -> str:
            answered.set()
            return "third"

        with onehttp.transaction(transaction):
            onehttp.submit("GET", url, route=first)
        if is_late:
            await answered.wait()
        return [await transaction for _ in range(4)]

    with RawServer(keep_answering) as server:
        assert asyncio.run(chain(server.url)) == ["first", "second", "third", "third"]


def test_one_query_at_a_time_suspends_a_task(api: str, holding: HoldingServer) -> None:
    async def twice() -> object:
        transaction = onehttp.TaskTransaction()
        with onehttp.transaction(transaction):
            onehttp.submit("GET", f"{holding.url}/a", route=lambda _: "the first")
            with pytest.raises(onehttp.TransactionError, match="suspended already"):
                onehttp.submit("GET", f"{holding.url}/b")
        await asyncio.get_running_loop().run_in_executor(None, holding.arrival, "/a")
        holding.arrival("/a").answer()
        return await transaction

    assert asyncio.run(twice()) == "the first"


def test_a_refused_query_leaves_nothing_to_wait_for(api: str) -> None:
    async def refused() -> None:
        transaction = onehttp.TaskTransaction()
        with onehttp.transaction(transaction), pytest.raises(onehttp.RequestError):
            onehttp.submit("GET", "unfit")
        with pytest.raises(onehttp.TransactionError, match="nothing was submitted"):
            await transaction

    asyncio.run(refused())


def test_a_refused_query_in_a_route_leaves_the_routes_own_value(api: str) -> None:
    async def route(result: onehttp.Result) -> str:
        with pytest.raises(onehttp.RequestError):
            onehttp.submit("GET", "unfit")
        return "as good as it gets"

    async def wait(url: str) -> object:
        transaction = onehttp.TaskTransaction()
        with onehttp.transaction(transaction):
            query = onehttp.submit("GET", url, route=route)
        await query
        while onehttp.query_stats().open:
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # the route has been refused its next query by now
        return await transaction

    with RawServer(keep_answering) as server:
        assert asyncio.run(wait(server.url)) == "as good as it gets"


def test_a_route_that_fails_when_nobody_waits_any_more_is_logged(
    api: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave_first(url: str) -> None:
        may_fail = asyncio.Event()

        async def route(result: onehttp.Result) -> None:
            await may_fail.wait()
            raise LookupError("too late")

        transaction = onehttp.TaskTransaction(timeout_s=0.01)
        with onehttp.transaction(transaction):
            query = onehttp.submit("GET", url, route=route)
        await query
        while onehttp.query_stats().open:
            await asyncio.sleep(0)
        with pytest.raises(asyncio.TimeoutError):
            await transaction
        may_fail.set()
        while transaction._routes:
            await asyncio.sleep(0)

    with RawServer(keep_answering) as server, caplog.at_level(logging.ERROR, logger="onehttp"):
        asyncio.run(leave_first(server.url))
    assert "a route failed when nobody waited for it any more" in caplog.messages
