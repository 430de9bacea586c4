"""What an exception of a signal handler leaves behind at one place is put right at another."""

from __future__ import annotations

import os
import queue
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from onehttp_backends.certificates.pem import _MemoryFile
from onehttp_backends.certificates.refusal import HandshakeEnd
from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl import pool as pools
from onehttp_backends.curl.driving.blocking import BlockingTransfer
from onehttp_backends.curl.engine.ownership import Claim
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.reading.outcome import cancelled
from onehttp_backends.curl.sockets.lent import LentSocket
from onehttp_backends.curl.sockets.watch import SocketWatch
from onehttp_backends.errors import (
    CancelledError,
    CurlCode,
    DisconnectedError,
    ReentrantCallError,
)
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer, keep_answering
from stand_ins.injection import Interrupt


def lent(fd: int) -> LentSocket:
    return LentSocket(socket.SocketType(socket.AF_INET, socket.SOCK_STREAM, 0, os.dup(fd)))


def in_memory(_fd: int) -> object:
    return _MemoryFile(b"content")


@pytest.fixture
def backend() -> Iterator[PycurlBackend]:
    engine = PycurlBackend()
    yield engine
    engine.close()


class Told:
    """A callback that keeps the outcomes it is called with, and makes ``fd`` readable."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)

    def __call__(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        os.eventfd_write(self.fd, 1)


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    yield made
    os.close(made.fd)


def switches(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    peer.request()


@pytest.mark.skipif(
    str(pools.__file__).endswith(".so"), reason="NOT TESTED: what is compiled keeps its own methods"
)
def test_an_end_that_was_cut_off_is_told(
    told: Told, backend: PycurlBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a transfer that the engine ends, and not libcurl, which would tell of it once more."""
    with RawServer(switches) as server:
        backend.lend()  # so that this thread drives
        backend.submit(Request("GET", server.url, total_timeout_s=PATIENCE_S), told)
        pool = backend._start().engine.pool
        give_back = pool.give_back

        def interrupted(handle: Handle) -> None:
            monkeypatch.setattr(pool, "give_back", give_back)
            raise Interrupt

        monkeypatch.setattr(pool, "give_back", interrupted)
        with pytest.raises(Interrupt):
            backend.drive(told.fd, PATIENCE_S)
        assert backend.drive(told.fd, PATIENCE_S)
    [outcome] = told.outcomes
    assert isinstance(outcome, DisconnectedError), outcome
    assert outcome.code == CurlCode.GOT_NOTHING
    assert backend.stats().in_flight == 0


def test_what_was_taken_out_to_be_put_in_again_is_put_in(
    told: Told, backend: PycurlBackend
) -> None:
    """An exception may come between the two."""
    with RawServer(keep_answering) as server:
        backend.lend()
        backend.submit(Request("GET", server.url, total_timeout_s=PATIENCE_S), told)
        engine = backend._start().engine
        engine.admit()
        [easy] = engine.running
        engine.multi.remove_handle(easy)
        engine.was_interrupted = True
        assert backend.drive(told.fd, PATIENCE_S)
    [outcome] = told.outcomes
    assert isinstance(outcome, Response), outcome


def test_who_was_to_drive_next_and_is_interrupted_wakes_another(backend: PycurlBackend) -> None:
    with RawServer(keep_answering) as server:
        request = Request("GET", server.url)
        backend.perform(request)
        helm = backend._start()
        pool = helm.engine.pool

        def waiter() -> BlockingTransfer:
            transfer = BlockingTransfer(helm, pool.take(request.options, server.url), request)
            helm.waiting[transfer] = None
            return transfer

        interrupted, other = waiter(), waiter()
        interrupted.outcome = cancelled(request, "it has ended")
        helm.recover(Interrupt(), Claim(), interrupted)
        assert list(helm.waiting) == [other]
        assert other.wait()  # it was rung
        helm.waiting.clear()


@pytest.mark.parametrize("has_ended", [False, True])
def test_who_is_interrupted_while_another_sleeps_in_driving_wakes_it(
    backend: PycurlBackend, has_ended: bool
) -> None:
    """It would hear of what was cancelled at the next event otherwise."""
    request = Request("GET", "http://127.0.0.1/")
    helm = backend._start()
    driver = Claim()
    assert helm.ownership.take(driver)
    helm.ownership.is_asleep = True
    handle = helm.engine.pool.take(request.options, "http://127.0.0.1")
    transfer = BlockingTransfer(helm, handle, request)
    if has_ended:
        transfer.outcome = cancelled(request, "it has ended")
    helm.waiting[transfer] = None
    helm.recover(Interrupt(), Claim(), transfer)
    assert transfer.is_cancelled
    assert not helm.waiting
    assert helm.ownership.is_of(driver)
    assert list(helm.engine.inbox) == ([] if has_ended else [transfer])
    assert select.select([helm.engine.watch.fileno()], [], [], 0)[0], "it wakes"
    helm.leave(driver)


def test_what_is_raised_while_another_is_woken_reaches_the_caller(
    backend: PycurlBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    helm = backend._start()
    driver = Claim()
    assert helm.ownership.take(driver)
    helm.ownership.is_asleep = True

    def interrupted(_watch: SocketWatch) -> None:
        monkeypatch.undo()
        raise Interrupt

    monkeypatch.setattr(SocketWatch, "wake", interrupted)
    with pytest.raises(Interrupt):
        helm.ensure_driven()
    assert helm.ownership.is_of(driver)
    helm.leave(driver)


def test_what_else_was_raised_in_a_turn_that_was_interrupted_is_not_raised_later(
    backend: PycurlBackend,
) -> None:
    with RawServer(keep_answering) as server:
        helm = backend._start()
        interrupted = Claim()
        assert helm.ownership.take(interrupted)
        helm.engine.watch.raised.append(Interrupt())
        helm.recover(Interrupt(), interrupted)
        assert helm.ownership.owner is None
        assert backend.perform(Request("GET", server.url)).status == 200
        assert backend._start() is helm


def test_a_call_of_a_handler_that_hits_the_driver_is_refused_and_does_no_harm(
    backend: PycurlBackend,
) -> None:
    told: list[type[BaseException]] = []
    is_told = threading.Event()

    def call(_number: int, _frame: FrameType | None) -> None:
        try:
            backend.perform(request)
        except ReentrantCallError as error:
            told.append(type(error))
        finally:
            is_told.set()

    def interrupting(peer: Peer) -> None:
        while peer.request():
            is_told.clear()
            signal.pthread_kill(main, signal.SIGUSR1)
            assert is_told.wait(PATIENCE_S)
            peer.send(OK)

    main = threading.get_ident()
    usual = signal.signal(signal.SIGUSR1, call)
    try:
        with RawServer(interrupting) as server:
            request = Request("GET", server.url, total_timeout_s=2 * PATIENCE_S)
            helm = backend._start()
            assert backend.perform(request).status == 200
            assert backend._start() is helm, "the engine has not failed"
            assert len(server.requests) == 1
    finally:
        signal.signal(signal.SIGUSR1, usual)
    assert told == [ReentrantCallError]


@pytest.mark.parametrize("second", [Interrupt, ValueError])
def test_a_second_exception_while_the_first_is_put_right_ends_the_engine(
    backend: PycurlBackend, monkeypatch: pytest.MonkeyPatch, second: type[BaseException]
) -> None:
    def fail(_claim: Claim) -> None:
        raise second

    with RawServer(keep_answering) as server:
        helm = backend._start()
        driver = Claim()
        assert helm.ownership.take(driver)
        monkeypatch.setattr(helm, "leave", fail)
        helm.recover(Interrupt(), driver)
        assert helm.is_gone
        assert backend.perform(Request("GET", server.url)).status == 200
        assert backend._start() is not helm


def test_who_leaves_wakes_a_waiter_for_what_is_left(backend: PycurlBackend) -> None:
    with RawServer(keep_answering) as server:
        helm, request = backend._start(), Request("GET", server.url)
        driver = Claim()
        assert helm.ownership.take(driver)
        left = BlockingTransfer(helm, helm.engine.pool.prepared(request), request)
        helm.engine.inbox.append(left)
        helm.waiting[left] = None
        helm.leave(driver)
        assert left in helm.engine.running.values()
        assert left.wait()  # it was rung
        helm.waiting.clear()


def test_an_owner_that_this_thread_has_lost_is_found_by_its_next_call(
    backend: PycurlBackend,
) -> None:
    """The call does not wait for it, and is not refused for ever: another engine serves it."""
    with RawServer(keep_answering) as server:
        helm = backend._start()
        assert helm.ownership.take(Claim())  # which no frame of this thread holds
        assert backend.perform(Request("GET", server.url)).status == 200
        assert helm.is_gone
        assert backend._start() is not helm


def test_a_thread_that_no_longer_runs_callbacks_may_run_them_again(
    told: Told, backend: PycurlBackend
) -> None:
    with RawServer(keep_answering) as server:
        backend.lend()
        helm = backend._start()
        left = helm._delivering[threading.get_ident()] = Claim()  # by an exception
        left.thread = threading.get_ident()
        backend.submit(Request("GET", server.url, total_timeout_s=PATIENCE_S), told)
        assert backend.drive(told.fd, PATIENCE_S)
        assert not helm.is_delivering
    [outcome] = told.outcomes
    assert isinstance(outcome, Response), outcome


def test_who_is_interrupted_in_submit_has_sent_nothing(
    backend: PycurlBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    with RawServer(keep_answering) as server:
        threads = backend._start().threads

        def interrupted(_is_first: bool) -> None:
            raise Interrupt

        post = Request("POST", f"{server.url}/pay", body=b"1")
        with monkeypatch.context() as patch:
            patch.setattr(threads, "look_after", interrupted)
            patch.setattr(threads, "ring", lambda: None)  # none drives meanwhile
            with pytest.raises(Interrupt):
                backend.submit(post, outcomes.put)
        backend.perform(Request("GET", f"{server.url}/next"))
        threads.ring()
        assert isinstance(outcomes.get(timeout=PATIENCE_S), CancelledError)
        assert server.targets == ["GET /next"]


@pytest.mark.parametrize("make", [HandshakeEnd, lent, in_memory])
def test_what_closes_itself_runs_nothing_that_a_handler_could_be_run_in(
    make: Callable[[int], object],
) -> None:
    """What it raised would be printed, and reach nobody."""
    run: list[str] = []

    def note(frame: FrameType, _event: str, _argument: object) -> None:
        run.append(frame.f_code.co_name)

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as connected,
    ):
        before = set(os.listdir("/proc/self/fd"))
        made = [make(connected.fileno())]
        assert len(set(os.listdir("/proc/self/fd")) - before) >= 1
        traced = sys.gettrace()
        sys.settrace(note)
        made.clear()
        sys.settrace(traced)
        assert set(os.listdir("/proc/self/fd")) <= before
    assert run == []
