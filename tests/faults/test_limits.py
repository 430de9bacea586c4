"""Rows 14, 15, and 61 to 66: what there is only so much of."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import onehttp
from faults.conftest import Process
from onehttp.policies.breaker import BreakerState
from onehttp_backends.contract import Request, TransferOptions
from onehttp_backends.errors import Sent
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from servers.raw import Behaviour, Peer, RawServer
from stand_ins import processes
from stand_ins.scene import Scene, on_the_engine
from stand_ins.told import REFUSED, World

PREAMBLE = """
import resource, os, queue, threading
from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.errors import *
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering, OK
from stand_ins.ways import blocking
backend = load({engine!r})()
"""
STATUS = b"HTTP/1.1 200 OK\r\n"


def succeeds(script: str, engine: str) -> None:
    processes.output(PREAMBLE.format(engine=engine) + script)


def test_14_out_of_descriptors(engine: str) -> None:
    """The server is a process of its own: it has descriptors for all."""
    succeeds(
        """
reading, writing = os.pipe()
pid = os.fork()
if pid == 0:
    def held(peer):
        while peer.request():
            peer.server.release.wait(0.3)
            peer.send(OK)
    with RawServer(held) as server:
        os.write(writing, f"{server.url} ".encode())
        threading.Event().wait()
url = os.read(reading, 100).decode().strip()
try:
    assert blocking(backend, Request("GET", url)).status == 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    ended = queue.SimpleQueue()
    for _ in range(200):
        backend.submit(Request("GET", url), ended.put)
    outcomes = [ended.get(timeout=PATIENCE_S) for _ in range(200)]
    failed = [outcome for outcome in outcomes if not isinstance(outcome, Response)]
    assert all(isinstance(error, TransferError) for error in failed)
    assert all(error.sent is Sent.NO for error in failed), failed
    assert len(failed) < 200
    assert blocking(backend, Request("GET", url)).status == 200
    backend.close()
finally:
    os.kill(pid, 9)
""",
        engine,
    )


@on_the_engine
def test_15_two_thousand_descriptors_are_open(engine: str) -> None:
    succeeds(
        """
resource.setrlimit(resource.RLIMIT_NOFILE, (6000, 6000))
files = [os.open("/dev/null", os.O_RDONLY) for _ in range(2000)]
ended = queue.SimpleQueue()
with RawServer(keep_answering) as server:
    for _ in range(1000):
        backend.submit(Request("GET", server.url), ended.put)
    assert {ended.get(timeout=PATIENCE_S).status for _ in range(1000)} == {200}
    assert blocking(backend, Request("GET", server.url)).status == 200
backend.close()
""",
        engine,
    )


def test_61_a_bomb(engine: str) -> None:
    """200 MB out of 200 kB; a child process, since what memory it has had stays counted."""
    succeeds(
        """
import gzip, io
packed = io.BytesIO()
with gzip.GzipFile(fileobj=packed, mode="wb") as file:
    for _ in range(200):
        file.write(bytes(1_000_000))
body = packed.getvalue()
head = b"HTTP/1.1 200 OK\\r\\nContent-Encoding: gzip\\r\\nContent-Length: %d\\r\\n\\r\\n"
answer = head % len(body)
def bomb(peer):
    while peer.request():
        peer.send(answer + body)
with RawServer(bomb) as server, RawServer(keep_answering) as neighbour:
    options = TransferOptions(decompress=True, max_body_bytes=1_000_000)
    blocking(backend, Request("GET", neighbour.url))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        error = blocking(backend, Request("GET", server.url, options=options))
        assert isinstance(error, TooLargeError) and error.code == 63, repr(error)
        assert blocking(backend, Request("GET", neighbour.url)).status == 200
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 30 * 1024, f"{grown} KiB"
backend.close()
""",
        engine,
    )


def sending(answer: bytes) -> Behaviour:
    def behave(peer: Peer) -> None:
        while peer.request():
            peer.send(answer)

    return behave


ANSWERS = {
    "length": STATUS + b"Content-Length: 5000\r\n\r\n" + b"x" * 5000,
    "chunks": STATUS
    + b"Transfer-Encoding: chunked\r\n\r\n1388\r\n"
    + b"x" * 5000
    + b"\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=list(ANSWERS))
def test_62_a_body_over_the_limit(scene: Scene, answer: bytes) -> None:
    with RawServer(sending(answer)) as server:
        failing = TransferOptions(max_body_bytes=1000)
        scene.failure(Request("GET", server.url, options=failing), 63, Sent.YES)
        cutting = TransferOptions(max_body_bytes=1000, body_policy="truncate")
        before = server.connections
        for number in (1, 2):
            response = scene.answer(Request("GET", server.url, options=cutting))
            assert (response.body, response.truncated) == (b"x" * 1000, True)
            assert server.connections == before + number, "no connection is used again"


def test_63_a_full_queue_and_a_full_bulkhead(process: Process) -> None:
    with HoldingServer() as server:
        limits = {"concurrent": 1, "wait": 0}
        process.init({"api": {"url": server.url, "limits": limits}})
        first = onehttp.connection("api").submit("GET", "/first")
        held = server.arrival("/first")
        for _ in range(3):
            with pytest.raises(onehttp.LimitReachedError) as caught:
                onehttp.connection("api").get("/second")
            assert caught.value.sent is Sent.NO
            process.check_neighbour()
        held.answer()
        assert first.result(PATIENCE_S).ok
        assert server.targets == ["GET /first"]


def test_63_a_full_queue_of_queries(engine: str) -> None:
    onehttp.init(backend=engine, queries=onehttp.QueryLimits(queue_length=2))
    with HoldingServer() as server:
        queries = [onehttp.submit("GET", f"{server.url}/{number}") for number in range(2)]
        for _ in range(3):
            with pytest.raises(onehttp.QueueFullError):
                onehttp.submit("GET", f"{server.url}/more")
        for number in range(2):
            server.arrival(f"/{number}").answer()
        assert all(query.result(PATIENCE_S).ok for query in queries)
    assert onehttp.query_stats().refused == 3


@pytest.mark.parametrize("way", ["thread", "task", "callback"])
def test_64_a_breaker_opens_half_opens_and_closes(way: str) -> None:
    world = World(way)

    def state() -> Any:
        return onehttp.Connection(world.runtime, "api").counters.circuit

    world.connect(api={"circuit_breaker": {"failures": 2, "open_for": 10}})
    world.answers["api"] = [REFUSED, REFUSED, REFUSED, 200]
    for _ in range(2):
        with pytest.raises(onehttp.ConnectError):
            world.call("api")
    assert state() is BreakerState.OPEN
    world.clock.now_s += 9.9
    with pytest.raises(onehttp.CircuitOpenError):
        world.call("api")
    assert len(world.seen) == 2
    world.clock.now_s += 0.2
    with pytest.raises(onehttp.ConnectError):  # the one trial, which fails
        world.call("api")
    assert (state(), len(world.seen)) == (BreakerState.OPEN, 3)
    world.clock.now_s += 10.1
    assert world.call("api").status == 200
    assert (state(), len(world.seen)) == (BreakerState.CLOSED, 4)
    world.runtime.close(0)


def test_65_out_of_memory(engine: str) -> None:
    succeeds(
        """
size = 300_000_000
def large(peer):
    while request := peer.request():
        if b" /large " not in request:
            peer.send(OK)
            continue
        peer.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % size)
        for _ in range(size // 1_000_000):
            peer.send(piece)
piece = bytes(1_000_000)
with RawServer(large) as server:
    assert blocking(backend, Request("GET", server.url)).status == 200
    used = int(open("/proc/self/statm").read().split()[0]) * 4096
    limits = (used + 150_000_000, resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_AS, limits)
    unlimited = TransferOptions(max_body_bytes=0)
    try:
        outcome = blocking(backend, Request("GET", f"{server.url}/large", options=unlimited))
    except MemoryError as error:
        outcome = error
    assert isinstance(outcome, MemoryError) or outcome.code in (23, 27, 56), repr(outcome)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
    for _ in range(3):
        assert blocking(backend, Request("GET", server.url)).status == 200
backend.close()
""",
        engine,
    )


def test_66_route_workers_that_are_stuck(engine: str) -> None:
    """Transfers and plain calls go on, and each route is run in the end."""
    onehttp.init(backend=engine, queries=onehttp.QueryLimits(workers=2))
    go_on, ran = threading.Event(), threading.Semaphore(0)

    def stuck(_: onehttp.Result) -> None:
        go_on.wait(PATIENCE_S)
        ran.release()

    with RawServer(sending(STATUS + b"Content-Length: 2\r\n\r\nok")) as server:
        queries = [onehttp.submit("GET", server.url, route=stuck) for _ in range(10)]
        for _ in range(20):
            assert onehttp.request("GET", server.url).status == 200
            assert onehttp.submit("GET", server.url).result(PATIENCE_S).ok
        assert onehttp.query_stats().routes_run == 0
        go_on.set()
        for _ in queries:
            assert ran.acquire(timeout=PATIENCE_S)
        assert onehttp.drain(PATIENCE_S)
    assert onehttp.query_stats().routes_run == 10
