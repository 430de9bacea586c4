"""A place of all processes is held until a body has ended, however that comes about."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from subprocess import PIPE, Popen
from typing import Any

import pytest

import onehttp
from servers.brokers.redis import RedisServer
from servers.patience import until
from servers.raw import Peer, RawServer
from shim.policies.shared.conftest import MakeWorker, Worker
from shim.policies.shared.test_counted_together import configured

BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
_OPENING = """
import json, sys, onehttp
onehttp.init(connections=json.loads(sys.argv[1]))
opened = onehttp.connection("api").stream("GET", "/whole").__enter__()
print("open", flush=True)
sys.stdin.read()
"""


def giving(peer: Peer) -> None:
    while request := peer.request():
        peer.send(HALF if request.startswith(b"GET /half") else BODY)
        if request.startswith(b"GET /half"):
            return


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(giving) as running:
        yield running


def limited(redis: RedisServer, server: RawServer, **shared: Any) -> dict[str, Any]:
    """One place, which nobody waits for."""
    return configured(redis, server.url, limits={"concurrent": 1, "wait": 0}, shared=shared)


def refusing(connections: dict[str, Any]) -> dict[str, Any]:
    """The same for a process that a late answer does not let in."""
    return {**connections, "shared": {**connections["shared"], "on_failure": "refuse"}}


def check_is_held(other: Worker) -> None:
    assert other.call("/other") == "LimitReachedError"


def check_is_free(other: Worker, redis: RedisServer) -> None:
    until(lambda: redis.ask("ZCARD", "onehttp:{api}:places") == ":0\r\n")
    until(lambda: other.call("/other") == "200")
    until(lambda: redis.ask("ZCARD", "onehttp:{api}:places") == ":0\r\n")


def leaves(response: Any) -> None:
    del response


def reads(response: Any) -> None:
    assert response.read() == b"body"


def goes_through(response: Any) -> None:
    assert b"".join(response.iter_bytes()) == b"body"


def closes(response: Any) -> None:
    response.close()


def raises(response: Any) -> None:
    del response
    raise KeyError


def breaks_off(response: Any) -> None:
    response.read()


@pytest.mark.parametrize("do", [leaves, reads, goes_through, closes, raises, breaks_off])
def test_a_thread_holds_a_shared_permit_until_the_body_has_ended(
    engine: str, redis: RedisServer, server: RawServer, worker: MakeWorker,
    do: Callable[[Any], None],
) -> None:  # fmt: skip
    connections = limited(redis, server)
    other = worker(refusing(connections))
    onehttp.init(connections=connections, backend=engine)
    path = "/half" if do is breaks_off else "/whole"
    for _ in range(2):
        ending = contextlib.suppress(KeyError, onehttp.DisconnectedError)
        with ending, onehttp.connection("api").stream("GET", path) as response:
            check_is_held(other)
            do(response)
        check_is_free(other, redis)


@pytest.mark.parametrize("end", ["read", "left", "broken", "cancelled", "forgotten", "closed loop"])
def test_a_task_holds_a_shared_permit_until_the_body_has_ended(
    engine: str, redis: RedisServer, server: RawServer, worker: MakeWorker, end: str
) -> None:
    connections = limited(redis, server)
    other = worker(refusing(connections))
    onehttp.init(connections=connections, backend=engine)
    path = "/half" if end == "broken" else "/whole"

    async def within() -> None:
        async with onehttp.connection("api").astream("GET", path) as response:
            check_is_held(other)
            if end == "read":
                assert await response.read() == b"body"
            elif end == "broken":
                with pytest.raises(onehttp.DisconnectedError):
                    await response.read()
            elif end == "cancelled":
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
                await asyncio.Event().wait()

    async def opened() -> Any:
        return await onehttp.connection("api").astream("GET", path).__aenter__()

    loop = asyncio.new_event_loop()
    if end in ("forgotten", "closed loop"):
        response = loop.run_until_complete(opened())
        check_is_held(other)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            if end == "closed loop":
                loop.close()
                assert onehttp.connection("api").counters.in_flight == 0  # who asks, looks
            del response
            gc.collect()
    elif end == "cancelled":
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(within())
    else:
        loop.run_until_complete(within())
    check_is_free(other, redis)
    loop.close()


def test_a_killed_process_frees_its_permit_after_the_lease(
    redis: RedisServer, server: RawServer, worker: MakeWorker
) -> None:
    connections = limited(redis, server, lease=2.0)
    other = worker(refusing(connections))
    command = [sys.executable, "-c", _OPENING, json.dumps(connections)]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as opening:
        assert opening.stdout is not None
        assert opening.stdout.readline() == "open\n"
        check_is_held(other)
        opening.send_signal(signal.SIGKILL)
    until(lambda: other.call("/other") == "200")


def test_a_body_that_is_sent_holds_it_until_the_answer_is_there(
    engine: str, redis: RedisServer, server: RawServer, worker: MakeWorker
) -> None:
    connections = limited(redis, server)
    other = worker(refusing(connections))
    onehttp.init(connections=connections, backend=engine)

    def rows() -> Iterator[bytes]:
        check_is_held(other)
        yield b"row"

    headers = {"Content-Length": "3"}
    answer = onehttp.connection("api").put("/whole", body=rows(), headers=headers)
    assert answer.body == b"body"
    check_is_free(other, redis)
