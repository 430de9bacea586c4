"""What tasks hold of a connection comes back when their loop is closed under them, by itself."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable

import pytest

import onehttp
from onehttp_backends.contract import Outcome
from onehttp_backends.observed import Call, Observer, leave, observe
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S, until

pytestmark = pytest.mark.usefixtures("each_loop")

Task = asyncio.Task[onehttp.Response]


def by_thread(path: str) -> onehttp.Response:
    return onehttp.connection("api").get(path)


def by_task(path: str) -> onehttp.Response:
    async def call() -> onehttp.Response:
        return await onehttp.connection("api").aget(path)

    return asyncio.run(call())


def by_callback(path: str) -> onehttp.Response:
    result = onehttp.connection("api").submit("GET", path).result(PATIENCE_S)
    assert result.response is not None, result.error
    return result.response


each_way = pytest.mark.parametrize("call", [by_thread, by_task, by_callback])


def counters() -> onehttp.PolicyCounters:
    found = onehttp.connection("api").counters
    assert found is not None
    return found


class Left:
    """Tasks on a loop of their own, which somebody keeps; ``held`` of them have come to the server,
    ``waiting`` of them wait for a place."""

    def __init__(self, server: HoldingServer, held: int, waiting: int = 0) -> None:
        self.loop = asyncio.new_event_loop()

        async def begin() -> list[Task]:
            api = onehttp.connection("api")
            numbers = range(held + waiting)
            tasks = [asyncio.ensure_future(api.aget(f"/left/{number}")) for number in numbers]
            for number in range(held):
                await asyncio.to_thread(server.arrival, f"/left/{number}")
            return tasks

        self.tasks = self.loop.run_until_complete(begin())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        for task in self.tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]


@each_way
def test_places_go_to_who_waits_for_one(
    engine: str, call: Callable[[str], onehttp.Response]
) -> None:
    """Also that of a task in the line: it was given one of the places meanwhile."""
    with HoldingServer() as server:
        api = {"url": server.url, "limits": {"concurrent": 2}, "timeout": 2 * PATIENCE_S}
        onehttp.init(connections={"version": 1, "connections": {"api": api}}, backend=engine)
        left = Left(server, held=2, waiting=1)
        answers: list[onehttp.Response] = []
        waiting = threading.Thread(target=lambda: answers.append(call("/after")), daemon=True)
        waiting.start()
        until(lambda: counters().limit_waited == 2)
        left.loop.close()
        server.arrival("/after").answer()
        waiting.join(PATIENCE_S)
        assert [answer.status for answer in answers] == [200]
        assert counters().in_flight == 0
        until(lambda: onehttp.stats().in_flight == 0)
        left.tasks.clear()
        gc.collect()
        assert counters().in_flight == 0


@each_way
def test_a_trial_goes_to_who_comes_next(
    engine: str, call: Callable[[str], onehttp.Response]
) -> None:
    with HoldingServer() as server:
        breaker = {"failures": 1, "open_for": 0.001}
        api = {"url": server.url, "circuit_breaker": breaker, "timeout": 2 * PATIENCE_S}
        onehttp.init(connections={"version": 1, "connections": {"api": api}}, backend=engine)
        failing = threading.Thread(
            target=lambda: server.arrival("/fails").answer(
                b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
            )
        )
        failing.start()
        assert by_thread("/fails").status == 500
        failing.join(PATIENCE_S)
        threading.Event().wait(0.01)
        left = Left(server, held=1)
        assert counters().circuit is onehttp.BreakerState.HALF_OPEN
        with pytest.raises(onehttp.CircuitOpenError):
            by_thread("/refused")
        left.loop.close()
        answering = threading.Thread(target=lambda: server.arrival("/after").answer())
        answering.start()
        assert call("/after").status == 200
        answering.join(PATIENCE_S)
        assert counters().circuit is onehttp.BreakerState.CLOSED


def test_whoever_looks_sees_that_they_are_back(engine: str) -> None:
    with HoldingServer() as server:
        api = {"url": server.url, "limits": {"concurrent": 2}, "timeout": 2 * PATIENCE_S}
        onehttp.init(connections={"version": 1, "connections": {"api": api}}, backend=engine)
        left = Left(server, held=2, waiting=3)
        assert (counters().in_flight, onehttp.stats().in_flight) == (2, 2)
        left.loop.close()
        assert (counters().in_flight, onehttp.stats().in_flight) == (0, 0)


class Ends(Observer):
    """How many calls have ended, and with what."""

    def __init__(self) -> None:
        self.outcomes: list[object] = []

    def call_ends(self, call: Call, outcome: Outcome | None) -> None:
        self.outcomes.append(outcome)


def test_whoever_watches_is_told_that_they_are_given_up(engine: str) -> None:
    ends = Ends()
    observe(ends)
    try:
        with HoldingServer() as server:
            api = {"url": server.url, "limits": {"concurrent": 2}, "timeout": 2 * PATIENCE_S}
            onehttp.init(connections={"version": 1, "connections": {"api": api}}, backend=engine)
            left = Left(server, held=2, waiting=1)
            left.loop.close()
            left.tasks.clear()

            def have_ended() -> bool:
                onehttp.stats()
                is_free = not counters().in_flight
                gc.collect()
                return is_free and ends.outcomes == [None] * 3

            until(have_ended)
    finally:
        leave(ends)
