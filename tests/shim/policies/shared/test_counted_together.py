"""Limits and circuits that several processes count together, on a real Redis."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import threading
import time
from typing import Any

import pytest

import onehttp
from onehttp.policies.shared import store as stores
from servers.brokers.redis import RedisServer
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S, until
from servers.raw import Peer, RawServer, echo
from shim.policies.shared.conftest import MakeWorker

ONCE_IN_A_WHILE = 0.001
"""A second; no test lasts until the next."""


def configured(redis: RedisServer, url: str, **policies: Any) -> dict[str, Any]:
    """No busy machine is taken for a slow server."""
    shared = {"url": redis.url, "budget_ms": PATIENCE_S * 1000}
    return {
        "version": 1,
        "shared": {**shared, **policies.pop("shared", {})},
        "connections": {"api": {"url": url, "timeout": PATIENCE_S, **policies}},
    }


def call(way: str, path: str = "") -> onehttp.Response:
    api = onehttp.connection("api")
    if way == "thread":
        return api.get(path)
    if way == "task":
        return asyncio.run(_awaited(path))
    result = api.submit("GET", path).result(PATIENCE_S)
    if result.response is None:
        assert result.error is not None
        raise result.error
    return result.response


async def _awaited(path: str) -> onehttp.Response:
    return await onehttp.connection("api").aget(path)


def broken(peer: Peer) -> None:
    while peer.request():
        peer.send(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("way", ["thread", "task", "callback"])
def test_a_rate_is_that_of_all_processes(
    engine: str, way: str, redis: RedisServer, worker: MakeWorker
) -> None:
    limits = {"per_second": ONCE_IN_A_WHILE, "burst": 4, "wait": 0}
    with RawServer(echo) as server:
        connections = configured(redis, server.url, limits=limits)
        onehttp.init(connections=connections, backend=engine)
        other = worker(connections)
        assert [other.call("/") for _ in range(2)] == ["200", "200"]
        assert [call(way).status for _ in range(2)] == [200, 200]
        assert other.call("/") == "LimitReachedError"
        with pytest.raises(onehttp.LimitReachedError, match="processes share") as caught:
            call(way)
        assert caught.value.sent is onehttp.Sent.NO
        assert len(server.requests) == 4
    assert onehttp.connection("api").counters.limit_refused == 1


@pytest.mark.parametrize("way", ["thread", "task", "callback"])
def test_places_are_those_of_all_processes(
    engine: str, way: str, redis: RedisServer, worker: MakeWorker
) -> None:
    with HoldingServer() as server:
        refusing = configured(redis, server.url, limits={"concurrent": 1, "wait": 0})
        waiting = configured(redis, server.url, limits={"concurrent": 1})
        other = worker(refusing)
        other.begin("/held")
        held = server.arrival("/held")
        onehttp.init(connections=refusing, backend=engine)
        with pytest.raises(onehttp.LimitReachedError):
            call(way, "/refused")
        onehttp.shutdown()
        onehttp.init(connections=waiting, backend=engine)
        found: list[onehttp.Response] = []
        thread = threading.Thread(target=lambda: found.append(call(way, "/waits")))
        thread.start()
        held.answer()
        assert other.told() == "200"
        server.arrival("/waits").answer()
        thread.join(PATIENCE_S)
        assert [response.status for response in found] == [200]
    until(lambda: redis.ask("ZCARD", "onehttp:{api}:places") == ":0\r\n")


@pytest.mark.parametrize("way", ["thread", "task", "callback"])
def test_a_circuit_that_one_process_opens_is_open_for_all(
    engine: str, way: str, redis: RedisServer, worker: MakeWorker
) -> None:
    with RawServer(broken) as server:
        breaker = {"failures": 2, "open_for": 3600}
        connections = configured(redis, server.url, circuit_breaker=breaker)
        onehttp.init(connections=connections, backend=engine)
        other = worker(connections)
        assert [other.call("/") for _ in range(3)] == ["500", "500", "CircuitOpenError"]
        until(lambda: "open" in redis.ask("HGET", "onehttp:{api}:circuit", "state"))
        with pytest.raises(onehttp.CircuitOpenError, match="processes share") as caught:
            call(way)
        assert caught.value.sent is onehttp.Sent.NO
        counters = onehttp.connection("api").counters
        assert (counters.circuit_refused, counters.circuit) == (1, onehttp.BreakerState.CLOSED)
        assert len(server.requests) == 2


def test_failures_of_all_processes_are_one_row(redis: RedisServer, worker: MakeWorker) -> None:
    with RawServer(broken) as server:
        connections = configured(redis, server.url, circuit_breaker={"failures": 3})
        workers = [worker(connections) for _ in range(3)]
        assert [each.call("/") for each in workers] == ["500"] * 3
        until(lambda: "open" in redis.ask("HGET", "onehttp:{api}:circuit", "state"))


def test_one_trial_of_all_processes_closes_the_circuit(
    engine: str, redis: RedisServer, worker: MakeWorker
) -> None:
    with HoldingServer() as server:
        breaker = {"failures": 1, "open_for": 0.05}
        connections = configured(redis, server.url, circuit_breaker=breaker)
        other = worker(connections)
        other.begin("/fails")
        server.arrival("/fails").answer(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        assert other.told() == "500"
        until(lambda: "open" in redis.ask("HGET", "onehttp:{api}:circuit", "state"))
        time.sleep(0.1)  # it is the subject
        other.begin("/trial")
        trial = server.arrival("/trial")
        onehttp.init(connections=connections, backend=engine)
        with pytest.raises(onehttp.CircuitOpenError):
            call("thread", "/too-many")
        trial.answer()
        assert other.told() == "200"
        until(lambda: "closed" in redis.ask("HGET", "onehttp:{api}:circuit", "state"))
        found: list[onehttp.Response] = []
        thread = threading.Thread(target=lambda: found.append(call("thread", "/next")))
        thread.start()
        server.arrival("/next").answer()
        thread.join(PATIENCE_S)
        assert found


def test_the_place_of_a_killed_process_comes_back(
    engine: str, redis: RedisServer, worker: MakeWorker
) -> None:
    with HoldingServer() as server:
        connections = configured(redis, server.url, limits={"concurrent": 1}, shared={"lease": 2.0})
        other = worker(connections)
        other.begin("/held")
        server.arrival("/held")
        leases: set[str] = set()

        def renewed() -> int:
            leases.add(redis.ask("ZRANGE", "onehttp:{api}:places", "0", "-1", "WITHSCORES"))
            return len(leases)

        until(lambda: renewed() > 2)  # while its process lives
        assert redis.ask("ZCARD", "onehttp:{api}:places") == ":1\r\n"
        other.process.send_signal(signal.SIGKILL)
        onehttp.init(connections=connections, backend=engine)
        found: list[onehttp.Response] = []
        thread = threading.Thread(target=lambda: found.append(call("thread", "/next")))
        thread.start()
        server.arrival("/next").answer()
        thread.join(PATIENCE_S)
        assert [response.status for response in found] == [200]


def test_a_cancelled_task_gives_its_place_back(engine: str, redis: RedisServer) -> None:
    with HoldingServer() as server:
        limits = {"concurrent": 1}
        onehttp.init(connections=configured(redis, server.url, limits=limits), backend=engine)

        async def cancelled() -> None:
            task = asyncio.ensure_future(_awaited("/held"))
            await asyncio.to_thread(server.arrival, "/held")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancelled())
        until(lambda: redis.ask("ZCARD", "onehttp:{api}:places") == ":0\r\n")


def test_a_forked_child_counts_with_its_parent(redis: RedisServer) -> None:
    limits = {"per_second": ONCE_IN_A_WHILE, "burst": 3, "wait": 0}
    with RawServer(echo) as server:
        onehttp.init(connections=configured(redis, server.url, limits=limits))
        assert [call("thread").status for _ in range(2)] == [200, 200]
        child = os.fork()
        if child == 0:
            status = 99
            try:
                with contextlib.suppress(onehttp.LimitReachedError):
                    for count in range(4):
                        status = count
                        call("thread")
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
        with pytest.raises(onehttp.LimitReachedError):
            call("thread")


def test_a_reload_counts_on_and_leaves_no_thread_behind(redis: RedisServer) -> None:
    limits = {"per_second": ONCE_IN_A_WHILE, "burst": 2, "wait": 0}
    with RawServer(echo) as server:
        brief = {"lease": 0.3}
        onehttp.init(connections=configured(redis, server.url, limits=limits, shared=brief))
        assert call("thread").status == 200
        other = {"budget_ms": PATIENCE_S * 999, **brief}
        onehttp.reload(configured(redis, server.url, limits=limits, shared=other))
        assert call("thread").status == 200
        with pytest.raises(onehttp.LimitReachedError):
            call("thread")
        onehttp.reload({"version": 1, "connections": {"api": {"url": server.url}}})
        assert call("thread").status == 200

        def is_left() -> bool:
            gc.collect()
            urls = [policy.url for policy in list(stores._stores)]
            return redis.url in urls

        until(lambda: not is_left())


def test_another_namespace_counts_apart(redis: RedisServer, worker: MakeWorker) -> None:
    limits = {"per_second": ONCE_IN_A_WHILE, "wait": 0}
    with RawServer(echo) as server:
        for namespace in ("one", "two"):
            shared = {"namespace": namespace}
            made = configured(redis, server.url, limits=limits, shared=shared)
            assert worker(made).call("/") == "200"
            assert worker(made).call("/") == "LimitReachedError"
