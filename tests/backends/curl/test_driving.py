"""Who drives the engine: hand-overs between threads, loops and callbacks, and calls from within."""

from __future__ import annotations

import asyncio
import functools
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from onehttp_backends.contract import Auth, Outcome, Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.driving import Helm, blocking, callbacks
from onehttp_backends.curl.engine import Engine
from onehttp_backends.curl.engine.ownership import Claim
from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.errors import CancelledError, ReentrantCallError
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S, until
from servers.raw import OK, Peer, RawServer, echo, keep_answering, silent
from stand_ins.pieces import in_pieces


@pytest.fixture
def backend() -> Iterator[PycurlBackend]:
    engine = PycurlBackend()
    yield engine
    engine.close()


def held(peer: Peer) -> None:
    """Answers /now at once, everything else when the test lets go."""
    while request := peer.request():
        if b" /now " not in request:
            peer.server.release.wait(PATIENCE_S)
        peer.send(OK)


def test_a_driver_that_leaves_hands_over_to_a_blocked_caller(backend: PycurlBackend) -> None:
    codes: list[int] = []

    def call(path: str) -> None:
        codes.append(backend.perform(Request("GET", f"{server.url}{path}")).status)

    with RawServer(held) as server:
        late = [threading.Thread(target=call, args=("/late",)) for _ in range(8)]
        for thread in late:
            thread.start()
        for _ in range(20):
            call("/now")  # may drive for the others, and must leave them a driver
        server.release.set()
        for thread in late:
            thread.join(PATIENCE_S)
    assert codes == [200] * 28


class Leaving(deque[Transfer]):
    """An inbox whose driver leaves at once when somebody comes."""

    def __init__(self, helm: Helm, claim: Claim) -> None:
        super().__init__()
        self._leave = functools.partial(helm.leave, claim)

    def append(self, transfer: Transfer) -> None:
        super().append(transfer)
        self._leave()


def test_the_driver_may_leave_before_a_caller_waits() -> None:
    engine = Engine(8)
    helm = Helm(engine)
    claim = Claim()
    with RawServer(keep_answering) as server:
        request = Request("GET", server.url)
        handle = engine.pool.take(request.options, server.url)
        handle.prepare(request)
        assert helm.ownership.take(claim)
        claim.thread = 1  # another one's
        engine.inbox = Leaving(helm, claim)
        outcome = helm.perform(handle, request)
        assert isinstance(outcome, Response)
        helm.close(0)


def test_a_blocked_caller_hands_over_to_the_engines_thread(backend: PycurlBackend) -> None:
    ended = threading.Semaphore(0)
    outcomes: list[Outcome] = []

    def on_done(outcome: Outcome) -> None:
        outcomes.append(outcome)
        ended.release()

    with RawServer(held) as server:
        for _ in range(5):
            backend.submit(Request("GET", f"{server.url}/late"), on_done)
        for _ in range(5):
            assert backend.perform(Request("GET", f"{server.url}/now")).status == 200
        server.release.set()
        for _ in range(5):
            assert ended.acquire(timeout=PATIENCE_S)
    assert all(isinstance(outcome, Response) for outcome in outcomes)


@pytest.mark.usefixtures("each_loop")
def test_two_loops_and_a_thread_share_one_engine(backend: PycurlBackend) -> None:
    statuses: list[int] = []

    async def crowd() -> None:
        calls = [backend.aperform(Request("GET", server.url)) for _ in range(50)]
        statuses.extend(response.status for response in await asyncio.gather(*calls))

    with RawServer(keep_answering) as server:
        threads = [threading.Thread(target=lambda: asyncio.run(crowd())) for _ in range(2)]
        for thread in threads:
            thread.start()
        request = Request("GET", server.url)
        statuses += [backend.perform(request).status for _ in range(50)]
        for thread in threads:
            thread.join(PATIENCE_S)
    assert statuses == [200] * 150


@pytest.mark.usefixtures("each_loop")
def test_a_loop_that_is_closed_takes_nobody_along(backend: PycurlBackend) -> None:
    async def leave_one_behind() -> None:
        task = asyncio.ensure_future(backend.aperform(Request("GET", f"{server.url}/late")))
        await asyncio.sleep(0)
        task.cancel()

    with RawServer(held) as server:
        for _ in range(3):
            asyncio.run(leave_one_behind())
            assert backend.perform(Request("GET", f"{server.url}/now")).status == 200

        async def once_more() -> int:
            return (await backend.aperform(Request("GET", f"{server.url}/now"))).status

        assert asyncio.run(once_more()) == 200
    assert backend.stats().in_flight == 0


@pytest.mark.usefixtures("each_loop")
def test_a_blocking_call_inside_a_loop_completes(backend: PycurlBackend) -> None:
    async def both() -> tuple[int, int]:
        task = asyncio.ensure_future(backend.aperform(Request("GET", f"{server.url}/late")))
        await asyncio.sleep(0)
        blocking = backend.perform(Request("GET", f"{server.url}/now")).status
        server.release.set()
        return blocking, (await task).status

    with RawServer(held) as server:
        assert asyncio.run(both()) == (200, 200)


def test_a_blocking_call_from_a_callback_is_refused(backend: PycurlBackend) -> None:
    ended = threading.Event()
    found: list[BaseException] = []

    def on_done(_: Outcome) -> None:
        for call in (lambda: backend.perform(Request("GET", server.url)), backend.close):
            try:
                call()
            except ReentrantCallError as error:
                found.append(error)
        ended.set()

    with RawServer(keep_answering) as server:
        backend.submit(Request("GET", server.url), on_done)
        assert ended.wait(PATIENCE_S)
    assert len(found) == 2
    assert "hand the work to another thread" in str(found[0])


def test_a_callback_may_submit_again(backend: PycurlBackend) -> None:
    ended = threading.Event()
    left = [3]

    def on_done(_: Outcome) -> None:
        left[0] -= 1
        if left[0]:
            backend.submit(Request("GET", server.url), on_done)
        else:
            ended.set()

    with RawServer(keep_answering) as server:
        backend.submit(Request("GET", server.url), on_done)
        assert ended.wait(PATIENCE_S)


def test_a_foreign_loop_lends_its_time(backend: PycurlBackend) -> None:
    reading, writing = os.pipe()

    def on_done(outcome: Outcome) -> None:
        os.write(writing, b"!" if isinstance(outcome, Response) else b"?")

    try:
        with RawServer(keep_answering) as server:
            backend.submit(Request("GET", server.url), on_done)
            assert backend.drive(reading, 30.0)
            assert os.read(reading, 1) == b"!"
            assert not backend.drive(reading, 0.0)
            poller = select.poll()
            poller.register(backend.fileno(), select.POLLIN)
            assert poller.poll(0) == []
    finally:
        os.close(reading)
        os.close(writing)


def test_a_cancelled_transfer_is_taken_back_while_another_drives(backend: PycurlBackend) -> None:
    ended = threading.Event()
    outcomes: list[Outcome] = []

    def on_done(outcome: Outcome) -> None:
        outcomes.append(outcome)
        ended.set()

    with RawServer(silent) as server, RawServer(keep_answering) as good:
        transfer = backend.submit(Request("GET", server.url), on_done)
        stop = threading.Event()

        def keep_driving() -> None:
            while not stop.is_set():
                backend.perform(Request("GET", good.url))

        driver = threading.Thread(target=keep_driving)
        driver.start()
        assert transfer.cancel()
        assert ended.wait(PATIENCE_S)
        stop.set()
        driver.join(PATIENCE_S)
    assert isinstance(outcomes[0], CancelledError)
    assert not transfer.cancel()


def test_a_handle_never_serves_another_origin(backend: PycurlBackend) -> None:
    options = TransferOptions(auth=Auth(username="u", secret="geheim"))
    with RawServer(echo) as first, RawServer(echo) as second:
        backend.perform(Request("GET", first.url, options=options))
        backend.perform(Request("GET", second.url, options=options))
        engine = backend._start().engine
        idle = [len(shelf.idle) for shelf in engine.pool._shelves.values()]
    assert idle == [1, 1]
    assert len(engine.pool.made) == 2


def test_equal_options_of_two_connections_share_no_handle(backend: PycurlBackend) -> None:
    with RawServer(keep_answering) as server:
        for _ in range(2):
            backend.perform(Request("GET", server.url, options=TransferOptions()))
        assert len(backend._start().engine.pool.made) == 2


@pytest.mark.usefixtures("each_loop")
def test_many_at_once_open_no_more_connections_than_needed(backend: PycurlBackend) -> None:
    async def burst(count: int) -> None:
        await asyncio.gather(*(backend.aperform(Request("GET", server.url)) for _ in range(count)))

    async def bursts() -> None:
        for count in (40, 40, 10, 40):
            await burst(count)

    with RawServer(keep_answering) as server:
        asyncio.run(bursts())
        assert backend.stats().connections_opened == 40
        backend.perform(Request("GET", server.url))
        assert backend.stats().connections_opened == 40


@pytest.mark.parametrize("fd", [-1, "3", None, 2**40])
def test_what_is_no_descriptor_is_the_callers_fault_and_ends_nothing(
    backend: PycurlBackend, fd: object
) -> None:
    reading, writing = os.pipe()
    outcomes: list[Outcome] = []

    def on_done(outcome: Outcome) -> None:
        outcomes.append(outcome)
        os.write(writing, b"!")

    backend.lend()
    with RawServer(keep_answering) as server, os.fdopen(reading, "rb"), os.fdopen(writing, "wb"):
        backend.submit(Request("GET", server.url), on_done)
        with pytest.raises((ValueError, TypeError, OverflowError)):
            backend.drive(fd, 0.0)  # type: ignore[arg-type]
        assert backend.drive(reading, PATIENCE_S)
    assert isinstance(outcomes[0], Response)


@pytest.mark.parametrize("ask_first", [PycurlBackend.perform, in_pieces])
def test_who_steps_aside_for_a_slow_function_has_somebody_else_drive(
    backend: PycurlBackend,
    ask_first: Callable[[PycurlBackend, Request], Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (blocking, callbacks):  # nobody looks by itself
        monkeypatch.setattr(module, "LOOK_AGAIN_S", PATIENCE_S)
    ran_on: list[int] = []
    was_answered_meanwhile: list[bool] = []
    second_answered, function_over = threading.Event(), threading.Event()
    with HoldingServer() as server:

        def ask(path: str, then: threading.Event | None = None) -> None:
            perform = ask_first if path == "/first" else PycurlBackend.perform
            assert isinstance(perform(backend, Request("GET", server.url + path)), Response)
            if then is not None:
                then.set()

        def slow(_outcome: Outcome) -> None:
            ran_on.append(threading.get_ident())
            server.arrival("/second").answer()
            was_answered_meanwhile.append(second_answered.wait(PATIENCE_S / 2))
            function_over.set()

        # The first to come drives as one who is alone, and hands over to one who waits.
        alone = threading.Thread(target=ask, args=("/alone",))
        first = threading.Thread(target=ask, args=("/first",))
        second = threading.Thread(target=ask, args=("/second", second_answered))
        alone.start()
        server.arrival("/alone")
        helm = backend._helm
        assert helm is not None

        def are_waiting(number: int) -> bool:
            return len(helm.waiting) == number

        for thread, path, number in ((first, "/first", 2), (second, "/second", 3)):
            thread.start()
            server.arrival(path)
            # A request may be sent before its thread waits: the next could wait before it.
            until(partial(are_waiting, number))
        server.arrival("/alone").answer()
        alone.join()
        until(lambda: (owner := helm.ownership.owner) is not None and owner.thread == first.ident)
        backend.submit(Request("GET", f"{server.url}/function"), slow)
        server.arrival("/function").answer()
        assert function_over.wait(PATIENCE_S)
        server.arrival("/first").answer()
        first.join()
        second.join()
    assert ran_on == [first.ident]
    assert was_answered_meanwhile == [True]
