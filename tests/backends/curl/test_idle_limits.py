"""The idle limit of the pycurl engine: TLS steps, shared sockets, and what watching costs."""

from __future__ import annotations

import os
import queue
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from onehttp_backends.contract import HttpVersion, Outcome, Request, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.idle_limit import LOOKS, MIN_ROOM, UNSENT_BYTES, IdleLimits, Progress
from onehttp_backends.curl.libcurl import LIBCURL, Easy
from onehttp_backends.curl.shelf import Shelf
from onehttp_backends.curl.sockets import Socket
from onehttp_backends.curl.sockets.socket import TICK_S
from onehttp_backends.curl.sockets.unheard import unheard_bytes
from onehttp_backends.errors import TimeoutError
from servers.multiplexing.http2 import Http2Server
from servers.patience import PATIENCE_S
from servers.raw import OK, Behaviour, Peer, RawServer, keep_answering, silent

LIMIT_S = 10.0
OPTIONS = TransferOptions(idle_timeout_s=LIMIT_S)


@pytest.fixture
def backend() -> Iterator[PycurlBackend]:
    engine = PycurlBackend()
    yield engine
    engine.close()


AnyShelf = Shelf[Any]


class Watched(Progress):
    """Counts the looks at it."""

    looks = 0

    def last_moved(self) -> float:
        type(self).looks += 1
        return super().last_moved()


class NoSockets:
    """Knows none."""

    def __init__(self) -> None:
        self.raised: list[BaseException] = []
        self.opening: Callable[[int, int], int] = lambda fd, purpose: 0

    def socket(self, _fd: int) -> None:
        return None


@pytest.fixture
def shelf() -> AnyShelf:
    return Shelf(OPTIONS, "http://127.0.0.1")


@pytest.fixture
def running() -> set[Easy]:
    Watched.looks = 0
    return set()


@pytest.fixture
def limits(running: set[Easy]) -> IdleLimits:
    return IdleLimits(running)


def watched(limits: IdleLimits, running: set[Easy], shelf: AnyShelf) -> Watched:
    progress = Watched(LIBCURL.easy(), shelf, [], NoSockets())
    running.add(progress.easy)
    limits.watch(progress)
    return progress


def test_the_limit_runs_from_the_last_event(
    limits: IdleLimits, running: set[Easy], shelf: AnyShelf
) -> None:
    progress = watched(limits, running, shelf)
    shelf.opened = Socket(7, 0)
    moved_at = shelf.opened.event_at = time.monotonic()
    assert limits.next_idle(limits.due[0][0]) is None  # nothing but the start was known then
    assert limits.due[0][0] == moved_at + LIMIT_S
    assert limits.next_idle(moved_at + LIMIT_S) is progress
    assert limits.due == []


def test_events_of_other_sockets_do_not_count(
    limits: IdleLimits, running: set[Easy], shelf: AnyShelf
) -> None:
    progress = watched(limits, running, shelf)
    shelf.opened = Socket(7, 0)
    Socket(8, 0).event_at = time.monotonic()
    assert limits.next_idle(limits.due[0][0]) is progress


def test_a_turn_looks_only_at_what_is_due(
    limits: IdleLimits, running: set[Easy], shelf: AnyShelf
) -> None:
    for _ in range(1000):
        watched(limits, running, shelf)
    soonest = limits.due[0][0]
    for _ in range(100):
        assert limits.next_idle(soonest - 0.001) is None
    assert Watched.looks == 0
    assert limits.next_idle(soonest) is not None
    assert Watched.looks == 1


def test_ended_transfers_are_let_go_of(
    limits: IdleLimits, running: set[Easy], shelf: AnyShelf
) -> None:
    progress = watched(limits, running, shelf)
    for _ in range(10_000):
        limits.watch(progress)  # the handle's next transfer
        assert len(limits.due) <= MIN_ROOM
    running.clear()
    assert limits.sooner_ms(-1) == -1
    assert limits.due == []


def test_a_handles_next_transfer_is_not_ended_for_its_last(
    limits: IdleLimits, running: set[Easy], shelf: AnyShelf
) -> None:
    progress = watched(limits, running, shelf)
    first_due = limits.due[0][0]
    limits.watch(progress)
    assert limits.next_idle(first_due) is None
    assert Watched.looks == 0


def slow_handshake(context: ssl.SSLContext) -> Behaviour:
    """Shakes hands with a pause before each 100 bytes, then answers one request."""

    def behave(peer: Peer) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                drip(peer, outgoing.read())
                incoming.write(peer.socket.recv(65536))
        while True:
            try:
                tls.read(65536)
                break
            except ssl.SSLWantReadError:
                incoming.write(peer.socket.recv(65536))
        tls.write(OK)
        peer.send(outgoing.read())
        peer.wait_for_close()

    def drip(peer: Peer, flight: bytes) -> None:
        for start in range(0, len(flight), 100):
            peer.server.release.wait(0.15)
            peer.send(flight[start : start + 100])

    return behave


def test_a_tls_handshake_that_drips_in_time_completes(
    backend: PycurlBackend, tls_server_context: ssl.SSLContext, trusting: TransferOptions
) -> None:
    options = replace(trusting, idle_timeout_s=0.75, total_timeout_s=60, connect_timeout_s=60)
    with RawServer(slow_handshake(tls_server_context)) as server:
        url = server.url.replace("http:", "https:")
        response = backend.perform(Request("GET", url, options=options))
    assert response.body == b"ok"
    assert response.timings.appconnect_us > 1_000_000  # it took longer than the limit


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_silent_stream_ends_though_others_of_its_connection_move(
    backend: PycurlBackend,
    h2_server_context: ssl.SSLContext,
    trusting: TransferOptions,
    is_tls: bool,
) -> None:
    version = HttpVersion.AUTO if is_tls else HttpVersion.HTTP_2_PRIOR_KNOWLEDGE
    moving = replace(trusting, http_version=version)
    limited = replace(moving, idle_timeout_s=0.2, total_timeout_s=30)
    ended: queue.Queue[Outcome] = queue.Queue()
    with Http2Server(h2_server_context if is_tls else None) as server:
        backend.perform(Request("GET", server.url, options=moving))
        backend.submit(Request("GET", f"{server.url}/silent", options=limited), ended.put)
        while ended.empty():
            assert backend.perform(Request("GET", server.url, options=moving)).body == b"ok"
        assert server.connections == 1
    outcome = ended.get()
    assert isinstance(outcome, TimeoutError)
    assert "nothing moved for 0.2 s" in outcome.message


@pytest.mark.parametrize("reuse", [True, False])
def test_a_transfer_of_several_requests_is_ended(backend: PycurlBackend, reuse: bool) -> None:
    """Without reuse it has a multi of its own (``one_shot``)."""
    options = TransferOptions(idle_timeout_s=0.1, total_timeout_s=60, reuse=reuse, max_redirects=3)
    with RawServer(silent) as server, pytest.raises(TimeoutError, match="nothing moved"):
        backend.perform(Request("GET", server.url, options=options))
    assert backend.stats().failed == 1


def test_an_upload_is_looked_at_often(
    limits: IdleLimits, running: set[Easy], shelf: AnyShelf
) -> None:
    progress = Watched(LIBCURL.easy(), shelf, [], NoSockets())
    progress.sends = True
    running.add(progress.easy)
    limits.watch(progress)
    began_at = limits.due[0][0] - LIMIT_S / LOOKS
    for look in range(1, LOOKS):
        assert limits.next_idle(began_at + look * LIMIT_S / LOOKS) is None
    assert limits.next_idle(began_at + LIMIT_S + 1) is progress


def test_the_kernel_tells_when_something_was_acknowledged() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    with ours, theirs:
        known = Socket(ours.fileno(), os.fstat(ours.fileno()).st_ino)
        at_first, began_at = known.acknowledged_at(), time.monotonic()
        ours.sendall(b"some")
        theirs.recv(4)
        while (first := known.acknowledged_at()) == at_first:  # it may be put off a little
            assert time.monotonic() < began_at + PATIENCE_S
        assert began_at - TICK_S <= first <= time.monotonic()
        assert known.acknowledged_at() == first  # nothing new
        while not unheard_bytes(ours.fileno()):  # more than there is room for
            ours.send(bytes(65536))
        while known.acknowledged_at() == first:
            assert time.monotonic() < began_at + PATIENCE_S
    assert known.acknowledged_at() > 0  # closed: as it was


@pytest.mark.parametrize("version", [HttpVersion.HTTP_1_1, HttpVersion.HTTP_2_PRIOR_KNOWLEDGE])
def test_only_of_what_may_be_shared_little_waits_in_the_kernel(
    backend: PycurlBackend, monkeypatch: pytest.MonkeyPatch, version: HttpVersion
) -> None:
    """A file takes a fifth more CPU that way."""
    told: list[int] = []
    monkeypatch.setattr(Socket, "tell_of_little_sent", lambda _, number: told.append(number))
    is_shared = version is HttpVersion.HTTP_2_PRIOR_KNOWLEDGE
    options = TransferOptions(http_version=version, idle_timeout_s=PATIENCE_S)
    with RawServer(keep_answering) as raw, Http2Server(None) as multiplexing:
        url = multiplexing.url if is_shared else raw.url
        backend.perform(Request("POST", url, body=b"x", options=options))
    assert told == [UNSENT_BYTES] * is_shared
