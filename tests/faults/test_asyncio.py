"""Rows 87 to 91: tasks that are cancelled, loops that end, stand still, or are of another make."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import random
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from onehttp_backends.contract import Request, Response
from onehttp_backends.errors import Sent, TimeoutError, TransferError
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer
from stand_ins.scene import Scene


def own_path(peer: Peer) -> None:
    """Answers with the path asked for."""
    while request := peer.request():
        path = request.split(b" ", 2)[1]
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path) + path)


@pytest.mark.slow
def test_87_tasks_cancelled_at_any_moment(scene: Scene) -> None:
    """Nothing is mixed up, and afterwards nothing is in flight."""
    calls = 600 if scene.is_double else 10_000
    dice = random.Random(87)
    wrong: list[object] = []
    cancelled = 0

    async def call(url: str, number: int) -> None:
        response = await scene.backend.aperform(Request("GET", f"{url}/{number}"))
        if response.body != f"/{number}".encode():
            wrong.append((number, response.body))

    async def storm(url: str) -> None:
        nonlocal cancelled
        for start in range(0, calls, 20):
            tasks = [asyncio.ensure_future(call(url, start + number)) for number in range(20)]
            for task in tasks:
                for _ in range(dice.randrange(3)):
                    await asyncio.sleep(0)
                if dice.random() < 0.5:
                    task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                cancelled += isinstance(outcome, asyncio.CancelledError)
                if isinstance(outcome, TransferError):
                    wrong.append(outcome)

    with RawServer(own_path) as server:
        asyncio.run(storm(server.url))
    assert wrong == []
    assert 0 < cancelled < calls


def test_88_a_timeout_in_the_moment_of_the_result(scene: Scene) -> None:
    """One outcome, whichever was first."""

    async def race(server: HoldingServer, number: int) -> Response | None:
        request = Request("GET", f"{server.url}/{number}")
        waiting = asyncio.ensure_future(scene.backend.aperform(request))
        held = await asyncio.to_thread(server.arrival, f"/{number}")
        held.answer()
        for _ in range(number % 7):
            await asyncio.sleep(0)
        waiting.cancel()
        try:
            return await waiting
        except asyncio.CancelledError:
            return None

    async def all_races(server: HoldingServer) -> list[Response | None]:
        return [await race(server, number) for number in range(30)]

    with HoldingServer() as server:
        outcomes = asyncio.run(all_races(server))
    assert all(outcome is None or outcome.status == 200 for outcome in outcomes)


def test_89_a_loop_that_is_closed_with_transfers(scene: Scene) -> None:
    async def leave_one_behind(url: str) -> None:
        task = asyncio.ensure_future(scene.backend.aperform(Request("GET", url)))
        await asyncio.sleep(0.01)
        assert not task.done()

    async def once(url: str) -> Response:
        return await scene.backend.aperform(Request("GET", url))

    with HoldingServer() as server:
        for number in range(5):
            asyncio.run(leave_one_behind(f"{server.url}/{number}"))
            assert asyncio.run(once(scene.neighbour.url)).status == 200
            scene.check_neighbour()


def test_89_two_loops_and_a_blocking_call_inside(scene: Scene) -> None:
    found: list[int] = []

    async def crowd() -> None:
        request = Request("GET", scene.neighbour.url)
        calls = [scene.backend.aperform(request) for _ in range(20)]
        found.append(scene.backend.perform(request).status)
        found.extend(response.status for response in await asyncio.gather(*calls))

    threads = [threading.Thread(target=lambda: asyncio.run(crowd())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert found == [200] * 42


def test_90_a_loop_that_stands_still(scene: Scene) -> None:
    """What had arrived before its time counts, however late the loop looks."""
    limit_s = 1.0

    async def stand_still(server: HoldingServer, has_answer: bool) -> Response:
        target = f"/{has_answer}"
        request = Request("GET", server.url + target, total_timeout_s=limit_s)
        task = asyncio.ensure_future(scene.backend.aperform(request))
        held = await asyncio.get_running_loop().run_in_executor(None, server.arrival, target)
        if has_answer:
            held.answer()
            held.was_answered.wait(PATIENCE_S)
        time.sleep(1.5 * limit_s)
        return await task

    with HoldingServer() as holding:
        assert asyncio.run(stand_still(holding, has_answer=True)).status == 200
        with pytest.raises(TimeoutError) as caught:
            asyncio.run(stand_still(holding, has_answer=False))
        assert caught.value.sent is Sent.MAYBE

    async def too_late(server: HoldingServer) -> None:
        request = Request("GET", f"{server.url}/late", total_timeout_s=0.3)
        with pytest.raises(TimeoutError) as caught:
            await scene.backend.aperform(request)
        assert caught.value.sent is Sent.MAYBE

    with HoldingServer() as holding:
        asyncio.run(too_late(holding))


Run = Callable[[Coroutine[Any, Any, None]], None]


def on_uvloop(work: Coroutine[Any, Any, None]) -> None:
    if importlib.util.find_spec("uvloop") is None:
        work.close()
        pytest.skip("NOT TESTED: uvloop is not installed")
    loop = importlib.import_module("uvloop").new_event_loop()
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()


def in_debug_mode(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work, debug=True)


def with_eager_tasks(work: Coroutine[Any, Any, None]) -> None:
    if sys.version_info < (3, 12):
        work.close()
        pytest.skip("NOT TESTED: eager tasks are of Python 3.12 and later")

    async def eagerly() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await asyncio.ensure_future(work)

    asyncio.run(eagerly())


@pytest.mark.parametrize("run", [on_uvloop, in_debug_mode, with_eager_tasks])
def test_91_loops_of_another_make(scene: Scene, run: Run) -> None:
    async def calls(url: str) -> None:
        requests = [Request("GET", f"{url}/{number}") for number in range(30)]
        responses = await asyncio.gather(*map(scene.backend.aperform, requests))
        assert [response.body for response in responses] == [
            f"/{number}".encode() for number in range(30)
        ]
        task = asyncio.ensure_future(scene.backend.aperform(Request("GET", f"{url}/cancelled")))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with RawServer(own_path) as server:
        run(calls(server.url))
