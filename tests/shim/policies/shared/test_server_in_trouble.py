"""The server that limits are shared on is gone, slow, readonly, old, or starts anew."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import onehttp
from onehttp.policies.shared import store as stores
from servers.brokers.redis import RedisServer
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S, until
from servers.raw import RawServer, echo
from shim.policies.shared.test_counted_together import ONCE_IN_A_WHILE, call, configured

Trouble = Callable[[RedisServer], object]
MANY = 10
TROUBLES: dict[str, tuple[Trouble, Trouble]] = {
    "gone": (lambda server: server.stop(), lambda server: server.start()),
    "stopped": (
        lambda server: server.send(signal.SIGSTOP),
        lambda server: server.send(signal.SIGCONT),
    ),
    "readonly": (
        lambda server: server.ask("REPLICAOF", "127.0.0.1", "1"),
        lambda server: server.ask("REPLICAOF", "NO", "ONE"),
    ),
    "full": (
        lambda server: server.ask("CONFIG", "SET", "maxmemory", "1"),
        lambda server: server.ask("CONFIG", "SET", "maxmemory", "0"),
    ),
}


def said(caplog: pytest.LogCaptureFixture, what: str) -> int:
    return sum(what in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("way", ["thread", "task", "callback"])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_calls_go_on_and_count_alone_until_it_is_back(
    engine: str, way: str, trouble: str, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    begins, ends = TROUBLES[trouble]
    limits = {"per_second": 1e6, "burst": MANY * 100}
    with RawServer(echo) as server:
        shared = {"budget_ms": 100}
        connections = configured(redis, server.url, limits=limits, shared=shared)
        onehttp.init(connections=connections, backend=engine)
        assert call(way).status == 200
        begins(redis)
        assert [call(way).status for _ in range(MANY)] == [200] * MANY
        assert onehttp.connection("api").counters.counted_alone >= MANY
        until(lambda: said(caplog, "is away") == 1)
        assert said(caplog, "each counts alone") == 1
        ends(redis)
        until(lambda: said(caplog, "answers again") == 1)
        assert said(caplog, "is away") == 1
        redis.ask("DEL", "onehttp:{api}:rate")

        def is_counted_there() -> bool:
            # Not each call is: on a busy machine an answer may take longer than the budget.
            assert call(way).status == 200
            return redis.ask("EXISTS", "onehttp:{api}:rate") == ":1\r\n"

        until(is_counted_there)


@pytest.mark.parametrize(
    "command",
    ["SET {api}:rate text", "RPUSH {api}:rate 1", "SET {api}:places 1", "RPUSH {api}:circuit 1",
     "HSET {api}:circuit state open until soon", "HSET {api}:circuit state half-open passed x"],
)  # fmt: skip
def test_a_key_that_holds_something_else_is_told_once_and_stops_no_other_connection(
    engine: str, command: str, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    name, key, *rest = command.split(" ")
    with RawServer(echo) as server:
        limits = {"per_second": 1e6, "burst": MANY * 100, "concurrent": MANY}
        connections = configured(redis, server.url, limits=limits, circuit_breaker=3)
        connections["connections"]["other"] = dict(connections["connections"]["api"])
        onehttp.init(connections=connections, backend=engine)
        other = onehttp.connection("other")
        redis.ask("DEL", f"onehttp:{key}")
        redis.ask(name, f"onehttp:{key}", *rest)
        assert [call("thread").status for _ in range(MANY)] == [200] * MANY
        assert [other.get("/").status for _ in range(MANY)] == [200] * MANY
        counted = [onehttp.connection(each).counters.counted_alone for each in ("api", "other")]
        assert counted == [MANY, 0]
        assert (said(caplog, "a foreign value is stored"), said(caplog, "is away")) == (1, 0)
        redis.ask("DEL", f"onehttp:{key}")
        assert call("thread").status == 200
        until(lambda: said(caplog, "count together again") == 1)


@pytest.mark.parametrize("way", ["thread", "task", "callback"])
def test_calls_are_refused_meanwhile_where_that_is_wanted(
    engine: str, way: str, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    shared = {"on_failure": "refuse"}
    with RawServer(echo) as server:
        connections = configured(redis, server.url, circuit_breaker=3, shared=shared)
        onehttp.init(connections=connections, backend=engine)
        assert call(way).status == 200
        redis.stop()
        for _ in range(MANY):
            with pytest.raises(onehttp.LimitReachedError, match="on_failure is refuse") as caught:
                call(way)
            assert caught.value.sent is onehttp.Sent.NO
        until(lambda: said(caplog, "calls are refused") == 1)
        redis.start()
        until(lambda: said(caplog, "answers again") == 1)
        assert call(way).status == 200
        assert len(server.requests) == 2


def test_local_limits_hold_while_it_is_gone(engine: str, redis: RedisServer) -> None:
    limits = {"per_second": ONCE_IN_A_WHILE, "burst": 2, "wait": 0}
    redis.stop()
    with RawServer(echo) as server:
        onehttp.init(connections=configured(redis, server.url, limits=limits), backend=engine)
        assert [call("thread").status for _ in range(2)] == [200, 200]
        with pytest.raises(onehttp.LimitReachedError, match="gave it no turn"):
            call("thread")


def test_a_restart_in_mid_call_is_no_matter_of_the_call(
    engine: str, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with HoldingServer() as server:
        connections = configured(redis, server.url, limits={"concurrent": 1}, circuit_breaker=3)
        onehttp.init(connections=connections, backend=engine)
        found: list[onehttp.Response] = []
        thread = threading.Thread(target=lambda: found.append(call("thread", "/held")))
        thread.start()
        held = server.arrival("/held")
        redis.stop()
        redis.start()
        until(lambda: said(caplog, "answers again") == 1)
        held.answer()
        thread.join(PATIENCE_S)
        assert [response.status for response in found] == [200]
        thread = threading.Thread(target=lambda: found.append(call("thread", "/next")))
        thread.start()
        server.arrival("/next").answer()
        thread.join(PATIENCE_S)
        assert len(found) == 2


def test_an_end_is_told_when_the_server_answers_again(
    engine: str, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with HoldingServer() as server:
        connections = configured(
            redis, server.url, limits={"concurrent": 1}, shared={"lease": 3600}
        )
        onehttp.init(connections=connections, backend=engine)
        thread = threading.Thread(target=lambda: call("thread", "/held"))
        thread.start()
        held = server.arrival("/held")
        redis.ask("REPLICAOF", "127.0.0.1", "1")
        held.answer()
        thread.join(PATIENCE_S)
        until(lambda: said(caplog, "is away") == 1)
        assert redis.ask("ZCARD", "onehttp:{api}:places") == ":1\r\n"
        redis.ask("REPLICAOF", "NO", "ONE")
        until(lambda: redis.ask("ZCARD", "onehttp:{api}:places") == ":0\r\n")


@pytest.mark.parametrize(
    "options",
    [("--rename-command", "EVAL", ""), ("--requirepass", "s3cret")],
    ids=["no scripts", "password"],
)
def test_a_server_that_cannot_be_used_is_told_of_once(
    debian: None, tmp_path: Path, options: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with RedisServer(tmp_path, *options) as redis, RawServer(echo) as server:
        shared = {"password": "wr0ng"} if "s3cret" in options else {}
        connections = configured(redis, server.url, limits={"concurrent": 9}, shared=shared)
        onehttp.init(connections=connections)
        assert [call("thread").status for _ in range(MANY)] == [200] * MANY
        assert said(caplog, "is away") == 1
        assert "wr0ng" not in caplog.text


def test_a_password_opens_it_and_is_shown_nowhere(debian: None, tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--requirepass", "s3cret") as redis, RawServer(echo) as server:
        limits = {"per_second": ONCE_IN_A_WHILE, "burst": 2, "wait": 0}
        shared = {"password": "s3cret"}
        onehttp.init(connections=configured(redis, server.url, limits=limits, shared=shared))
        spec = onehttp.connections()["api"]
        assert "s3cret" not in f"{spec!r} {spec.shared!r} {onehttp.connections()}"
        assert call("thread").status == 200
        assert spec.shared is not None
        assert stores.store_of(spec.shared).is_there


def test_who_says_nothing_keeps_nobody_waiting(engine: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, RawServer(echo) as server:
        shared: dict[str, Any] = {"url": f"redis://127.0.0.1:{silent.getsockname()[1]}/0"}
        made = {"url": server.url, "limits": {"concurrent": 9}}
        config = {"version": 1, "shared": shared, "connections": {"api": made}}
        onehttp.init(connections=config, backend=engine)
        assert [call("thread").status for _ in range(MANY)] == [200] * MANY


def test_nobody_connects_for_a_call(redis: RedisServer) -> None:
    redis.stop()
    with socket.create_server(("127.0.0.1", redis.port)) as listener, RawServer(echo) as server:
        listener.settimeout(0)
        # The first call waits for all of its budget: nobody answers.
        shared, limits = {"budget_ms": 100}, {"concurrent": 9}
        onehttp.init(connections=configured(redis, server.url, shared=shared, limits=limits))
        for _ in range(MANY * 10):
            call("thread")
        began, connected = time.monotonic(), 0
        while time.monotonic() < began + 0.2:
            try:
                listener.accept()[0].close()
                connected += 1
            except BlockingIOError:
                time.sleep(0.01)
        assert connected < MANY
