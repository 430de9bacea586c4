"""The threads that run routes: slow ones, broken ones, and what a route can see."""

from __future__ import annotations

import functools
import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable
from contextvars import ContextVar

import pytest

import onehttp
from onehttp.queries.route_workers import RouteWorkers
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering, silent
from stand_ins.queries.ends import Ends, scheduler

caller: ContextVar[str] = ContextVar("caller", default="nobody")


def test_a_slow_route_delays_no_other_route(api: str) -> None:
    may_end, others = threading.Event(), threading.Semaphore(0)
    with RawServer(keep_answering) as server:
        onehttp.submit("GET", server.url, route=lambda _: may_end.wait(PATIENCE_S))
        for _ in range(20):
            onehttp.submit("GET", server.url, route=lambda _: others.release())
        for _ in range(20):
            assert others.acquire(timeout=PATIENCE_S)
        may_end.set()


def test_routes_that_hold_every_worker_delay_no_transfer_and_no_timer(engine: str) -> None:
    onehttp.init(backend=engine, queries=onehttp.QueryLimits(workers=2))
    may_end, begun, ran = threading.Event(), threading.Semaphore(0), threading.Semaphore(0)

    def slow(result: onehttp.Result) -> None:
        begun.release()
        assert may_end.wait(PATIENCE_S)

    with RawServer(keep_answering) as server, RawServer(silent) as never:
        for _ in range(2):
            onehttp.submit("GET", server.url, route=slow)
            assert begun.acquire(timeout=PATIENCE_S)
        answered = onehttp.submit("GET", server.url, route=lambda _: ran.release())
        late = onehttp.submit("GET", never.url, route=lambda _: ran.release(), timeout=0.02)
        assert answered.result(PATIENCE_S).ok
        assert isinstance(late.result(PATIENCE_S).error, onehttp.TimeoutError)
        assert onehttp.request("GET", server.url).status == 200
        may_end.set()
        for _ in range(2):
            assert ran.acquire(timeout=PATIENCE_S)


def test_a_route_sees_the_callers_context_and_leaks_none(
    engine: str, holding: HoldingServer, ends: Ends
) -> None:
    onehttp.init(backend=engine, queries=onehttp.QueryLimits(workers=1))
    saw: list[str] = []

    def route(result: onehttp.Result) -> None:
        saw.append(caller.get())
        caller.set("the route")

    queries = []
    for name in ("alice", "bob"):
        token = caller.set(name)
        queries.append(onehttp.submit("GET", f"{holding.url}/{name}", route=route))
        caller.reset(token)
    for name, query in zip(("alice", "bob"), queries, strict=True):
        holding.arrival(f"/{name}").answer()
        ends.wait(query)
    assert saw == ["alice", "bob"]
    assert caller.get() == "nobody"


def test_a_routes_own_query_has_the_routes_context(api: str) -> None:
    saw: list[str] = []
    ran = threading.Event()

    def last(result: onehttp.Result) -> None:
        saw.append(caller.get())
        ran.set()

    with RawServer(keep_answering) as server:

        def first(result: onehttp.Result) -> None:
            caller.set("the first route")
            onehttp.submit("GET", server.url, route=last)

        onehttp.submit("GET", server.url, route=first)
        assert ran.wait(PATIENCE_S)
    assert saw == ["the first route"]


def test_a_route_that_fails_is_named_without_its_arguments(
    api: str, holding: HoldingServer, ends: Ends, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(password: str, result: onehttp.Result) -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, logger="onehttp"):
        route = functools.partial(broken, "s3cret")
        query = onehttp.submit("GET", f"{holding.url}/a", route=route)
        holding.arrival("/a").answer()
        ends.wait(query)
    assert caplog.messages == [f"query {query.id}: route {broken.__qualname__} failed"]
    assert "s3cret" not in caplog.text


def test_a_coroutine_function_is_no_route_of_a_plain_query(
    api: str, holding: HoldingServer, ends: Ends, caplog: pytest.LogCaptureFixture
) -> None:
    async def on_a_loop(result: onehttp.Result) -> None:
        raise AssertionError("no loop runs it")

    query = onehttp.submit("GET", f"{holding.url}/a", route=on_a_loop)
    holding.arrival("/a").answer()
    ends.wait(query)
    assert "only in a TaskTransaction" in caplog.text
    assert onehttp.query_stats().routes_failed == 1


def holding_on_to(kept: object) -> Callable[[onehttp.Result], None]:
    """A route."""

    def route(_: onehttp.Result) -> None:
        assert kept is not None

    return route


class Kept:
    """Something that can be seen to go."""


def test_what_has_ended_is_let_go_without_the_garbage_collector(
    holding: HoldingServer, ends: Ends
) -> None:
    """By the engine, the worker, the scheduler, and the query itself, which its owner keeps.

    Not with the double: its kept connections keep the context they were made in.
    """
    onehttp.init(backend="pycurl", queries=onehttp.QueryLimits(workers=1, max_in_flight=1))
    gc.collect()
    gc.disable()
    try:
        in_context, in_route = Kept(), Kept()
        gone = [weakref.ref(in_context), weakref.ref(in_route)]
        token = caller.set(in_context)  # type: ignore[arg-type]
        query = onehttp.submit(
            "GET", f"{holding.url}/a", route=holding_on_to(in_route), xdata="kept"
        )
        caller.reset(token)
        del in_context, in_route, token
        holding.arrival("/a").answer()
        ends.wait(query)
        # The worker has left the first when it is at the second.
        seen: list[list[object]] = []
        second = onehttp.submit(
            "GET", f"{holding.url}/b", route=lambda _: seen.append([each() for each in gone])
        )
        holding.arrival("/b").answer()
        ends.wait(second)
    finally:
        gc.enable()
    assert seen == [[None, None]]
    assert query.result(0).xdata == "kept"


def test_a_query_that_nobody_keeps_goes_on(api: str, holding: HoldingServer) -> None:
    ran = threading.Event()
    onehttp.submit("GET", f"{holding.url}/a", route=lambda _: ran.set())
    held = holding.arrival("/a")
    gc.collect()
    held.answer()
    assert ran.wait(PATIENCE_S)


def test_without_a_thread_to_spare_routes_wait_for_the_next_chance(
    api: str,
    holding: HoldingServer,
    ends: Ends,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    start, failed = threading.Thread.start, threading.Event()

    def no_more(thread: threading.Thread) -> None:
        if thread.name == "onehttp-route" and not failed.is_set():
            failed.set()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", no_more)
    ran: list[int] = []
    queries = []
    for name in ("a", "b"):
        route = lambda result: ran.append(result.query_id)  # noqa: E731
        queries.append(onehttp.submit("GET", f"{holding.url}/{name}", route=route))
        holding.arrival(f"/{name}").answer()
        queries[-1].result(PATIENCE_S)
        assert failed.wait(PATIENCE_S)
    ends.wait(*queries)
    assert ran == [query.id for query in queries]
    assert "no thread for a route worker" in caplog.messages


def test_no_more_threads_than_workers_are_made(engine: str) -> None:
    onehttp.init(backend=engine, queries=onehttp.QueryLimits(workers=3))
    with RawServer(keep_answering) as server:
        ran = threading.Semaphore(0)
        for _ in range(100):
            onehttp.submit("GET", server.url, route=lambda _: ran.release())
        for _ in range(100):
            assert ran.acquire(timeout=PATIENCE_S)
    workers = scheduler()._workers
    assert isinstance(workers, RouteWorkers)
    assert 1 <= len(workers._threads) <= 3


def test_every_thread_that_waits_for_a_query_is_woken(api: str, holding: HoldingServer) -> None:
    for number in range(20):
        query = onehttp.submit("GET", f"{holding.url}/{number}", timeout=PATIENCE_S)
        held = holding.arrival(f"/{number}")
        barrier = threading.Barrier(5)
        came: list[onehttp.Result] = []

        def wait(
            query: onehttp.Query = query,
            barrier: threading.Barrier = barrier,
            came: list[onehttp.Result] = came,
        ) -> None:
            barrier.wait(PATIENCE_S)
            came.append(query.result(PATIENCE_S))

        threads = [threading.Thread(target=wait) for _ in range(4)]
        for thread in threads:
            thread.start()
        barrier.wait(PATIENCE_S)
        held.answer()
        for thread in threads:
            thread.join(PATIENCE_S)
        assert came == [query.result(0)] * 4


def test_no_query_stays_in_the_line_whoever_puts_it_there() -> None:
    """Four threads in front of three workers that sleep and wake all the time."""
    ran = threading.Semaphore(0)
    workers = RouteWorkers(3, lambda query: ran.release())

    def put() -> None:
        for number in range(2000):
            assert workers.put(number)  # type: ignore[arg-type]
            if number % 20 == 0:
                assert ran.acquire(timeout=PATIENCE_S)

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4 * PATIENCE_S)
    for _ in range(4 * 1900):
        assert ran.acquire(timeout=PATIENCE_S)
    assert workers.close() == []


def test_closed_workers_take_nothing_and_end_their_threads() -> None:
    ran = threading.Event()
    workers = RouteWorkers(2, lambda query: ran.set())
    workers.put(1)  # type: ignore[arg-type]
    assert ran.wait(PATIENCE_S)
    assert workers.close() == []
    workers.join(time.monotonic() + PATIENCE_S)
    assert not any(thread.is_alive() for thread in workers._threads)
    assert not workers.put(2)  # type: ignore[arg-type]


def test_an_idle_worker_keeps_nothing_of_its_last_query() -> None:
    workers = RouteWorkers(1, lambda query: None)
    last = Kept()
    gone = weakref.ref(last)
    workers.put(last)  # type: ignore[arg-type]
    del last
    end = time.monotonic() + PATIENCE_S
    while not workers._idle and time.monotonic() < end:
        pass  # it goes to sleep after its last query, and tells nobody
    assert gone() is None
    workers.close()
