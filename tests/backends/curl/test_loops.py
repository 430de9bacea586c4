"""Event loops of every kind as drivers: closed too early, many, uvloop's, anyio's, eager ones."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from unittest.mock import Mock

import anyio
import pytest

from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.driving.blocking import BlockingTransfer
from onehttp_backends.curl.driving.event_loop import LoopTransfer
from onehttp_backends.curl.driving.helm import Helm
from onehttp_backends.curl.engine.ownership import Claim
from onehttp_backends.curl.reading.outcome import cancelled
from onehttp_backends.errors import TimeoutError
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer, echo, keep_answering
from stand_ins.pieces import in_awaited_pieces

each_loop = pytest.mark.usefixtures("each_loop")


@pytest.fixture
def backend() -> Iterator[PycurlBackend]:
    engine = PycurlBackend()
    yield engine
    engine.close()


async def outcome_of(backend: PycurlBackend, request: Request) -> Outcome:
    try:
        return await backend.aperform(request)
    except TimeoutError as error:
        return error


class Silent:
    """Answers nothing, and says when a request has come."""

    def __init__(self) -> None:
        self.has_come = threading.Event()

    def __call__(self, peer: Peer) -> None:
        while peer.request():
            self.has_come.set()


@each_loop
def test_limits_shorter_than_a_tick_of_the_loop(backend: PycurlBackend) -> None:
    """uvloop's `call_at` returns a handle that does not know when, if it is to be at once."""

    async def burst() -> list[Outcome]:
        limits_s = [0.001 * number for number in range(1, 6)]
        return await asyncio.gather(
            *(outcome_of(backend, Request("GET", server.url, total_timeout_s=s)) for s in limits_s),
            outcome_of(backend, Request("GET", good.url)),
        )

    with RawServer(Silent()) as server, RawServer(keep_answering) as good:
        for _ in range(20):
            *short, last = asyncio.run(burst())
            assert {type(outcome) for outcome in short} == {TimeoutError}
            assert isinstance(last, Response)


def another_thread_drives(helm: Helm, _: Request) -> None:
    assert helm.ownership.take(Claim())
    helm.engine.watch.wake()  # there is something to do, which is left to it


def another_thread_has_its_answer(helm: Helm, request: Request) -> None:
    """And has not looked yet."""
    waiter = BlockingTransfer(helm, Mock(), request)
    waiter.outcome = cancelled(request, "it waits no more")
    helm.waiting[waiter] = None


@each_loop
@pytest.mark.parametrize("happen", [another_thread_drives, another_thread_has_its_answer])
def test_a_loop_does_not_spin_for_the_sake_of_others(
    happen: Callable[[Helm, Request], None],
    backend: PycurlBackend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns: list[None] = []

    def turn(helm: Helm) -> float | None:
        turns.append(None)
        return loop_turn(helm)

    async def wait_beside() -> None:
        request = Request("GET", server.url, total_timeout_s=PATIENCE_S)
        task = asyncio.ensure_future(outcome_of(backend, request))
        await asyncio.get_running_loop().run_in_executor(None, silent.has_come.wait, PATIENCE_S)
        helm = backend._helm
        assert helm is not None
        await asyncio.sleep(0)
        turns.clear()
        happen(helm, request)
        helm.loop_drivers[asyncio.get_running_loop()].turn()
        for _ in range(100):
            await asyncio.sleep(0)
        # Its own, and one for each half second that all this takes.
        assert len(turns) < 50
        task.cancel()

    loop_turn, silent = Helm.loop_turn, Silent()
    monkeypatch.setattr(Helm, "loop_turn", turn)
    with RawServer(silent) as server:
        asyncio.run(wait_beside())


@each_loop
def test_a_loop_closed_with_tasks_in_flight_takes_nothing_along(backend: PycurlBackend) -> None:
    silent = Silent()

    async def leave() -> asyncio.Task[Outcome]:
        task = asyncio.ensure_future(outcome_of(backend, Request("GET", server.url)))
        await asyncio.get_running_loop().run_in_executor(None, silent.has_come.wait, PATIENCE_S)
        return task

    with RawServer(silent) as server, RawServer(keep_answering) as good:
        loop = asyncio.new_event_loop()
        left = loop.run_until_complete(leave())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        assert backend.perform(Request("GET", good.url)).status == 200
        assert backend.stats().in_flight == 0
        assert not left.done()
        left._log_destroy_pending = False  # type: ignore[attr-defined]


@each_loop
def test_loops_in_threads_share_the_engine(backend: PycurlBackend) -> None:
    answers: list[bool] = []

    async def crowd(number: int) -> None:
        urls = [f"{server.url}/{number}/{each}" for each in range(20)]
        outcomes = await asyncio.gather(*(backend.aperform(Request("GET", url)) for url in urls))
        answers.extend(
            url.removeprefix(server.url) in outcome.text
            for url, outcome in zip(urls, outcomes, strict=True)
        )

    def run(number: int) -> None:
        for _ in range(5):
            asyncio.run(crowd(number))

    with RawServer(echo) as server:
        threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert answers == [True] * 400


@pytest.mark.parametrize("ask", [PycurlBackend.aperform, in_awaited_pieces])
def test_an_engine_that_fails_while_a_loop_joins_is_replaced(
    backend: PycurlBackend,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[PycurlBackend, Request], Coroutine[Any, Any, Outcome]],
) -> None:
    """Closed loops may have left work, which the joining one drives: that may be what fails."""
    drop_closed_loops, failed = Helm.drop_closed_loops, list[Helm]()

    def fail_once(helm: Helm) -> None:
        drop_closed_loops(helm)
        if not failed:
            failed.append(helm)
            helm.engine.abandon()

    monkeypatch.setattr(Helm, "drop_closed_loops", fail_once)
    with RawServer(keep_answering) as server:
        response = asyncio.run(ask(backend, Request("GET", server.url)))
    assert isinstance(response, Response)
    assert response.text == "ok"
    assert backend._helm not in failed


def test_a_loop_that_is_faster_than_who_calls_it_is_called_each_time(
    backend: PycurlBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    helm = backend._start()
    loop = asyncio.new_event_loop()
    driver = helm.loop_driver(loop)

    def at_once(callback: Callable[[], object]) -> None:
        loop.call_soon(callback)  # raises where the loop is closed
        callback()

    monkeypatch.setattr(loop, "call_soon_threadsafe", at_once)
    request = Request("GET", "http://127.0.0.1/")

    def end_one() -> LoopTransfer:
        handle = helm.engine.pool.take(request.options, "http://127.0.0.1")
        transfer = LoopTransfer(helm, handle, request, driver)
        transfer.outcome = cancelled(request, "by this test")
        transfer.deliver()
        return transfer

    assert [end_one().future.done() for _ in range(3)] == [True, True, True]
    loop.close()
    end_one()
    assert not driver.is_flush_due, "a loop that is closed flushes nothing"


@each_loop
def test_a_scope_of_anyio_cancels_what_is_in_it(backend: PycurlBackend) -> None:
    silent = Silent()
    statuses: list[int] = []

    async def main() -> None:
        async def answered() -> None:
            statuses.append((await backend.aperform(Request("GET", good.url))).status)

        async with anyio.create_task_group() as group:
            group.start_soon(outcome_of, backend, Request("GET", server.url))
            group.start_soon(answered)
            await anyio.to_thread.run_sync(silent.has_come.wait, PATIENCE_S)
            while not statuses:
                await anyio.sleep(0)
            group.cancel_scope.cancel()
        await answered()

    is_uvloop = "uvloop" in type(asyncio.get_event_loop_policy()).__module__
    with RawServer(silent) as server, RawServer(keep_answering) as good:
        anyio.run(main, backend_options={"use_uvloop": is_uvloop})
        assert statuses == [200, 200]
        assert backend.stats().in_flight == 0


# With asyncio's own loop: uvloop hands a factory arguments that the one of Python 3.13.0 refuses.
@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_tasks_that_begin_before_they_are_awaited(backend: PycurlBackend) -> None:
    async def main() -> list[int]:
        eager = getattr(asyncio, "eager_task_factory")  # noqa: B009 - not there before 3.12
        asyncio.get_running_loop().set_task_factory(eager)
        tasks = [asyncio.create_task(backend.aperform(Request("GET", url))) for url in urls]
        tasks[0].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(outcomes[0], asyncio.CancelledError)
        return [outcome.status for outcome in outcomes[1:] if isinstance(outcome, Response)]

    with RawServer(keep_answering) as server:
        urls = [server.url] * 5
        assert asyncio.run(main()) == [200] * 4
    assert backend.stats().in_flight == 0
