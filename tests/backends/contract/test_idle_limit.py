"""The idle limit: what moves in time goes on, what stands still ends; on both engines."""

from __future__ import annotations

import asyncio
import dataclasses
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from onehttp_backends.contract import Backend, Outcome, Proxy, Request, Response, TransferOptions
from onehttp_backends.errors import (
    CancelledError,
    Phase,
    RequestError,
    Sent,
    TimeoutError,
    TransferError,
)
from servers.holding import full_backlog
from servers.patience import PATIENCE_S
from servers.raw import OK, Behaviour, Peer, RawServer, echo, silent

LIMITED = TransferOptions(idle_timeout_s=1, total_timeout_s=60, connect_timeout_s=60)

Way = Callable[[Backend, Request], Outcome]


def blocking(backend: Backend, request: Request) -> Outcome:
    try:
        return backend.perform(request)
    except TransferError as error:
        return error


def awaited(backend: Backend, request: Request) -> Outcome:
    async def ask() -> Response:
        return await backend.aperform(request)

    try:
        return asyncio.run(ask())
    except TransferError as error:
        return error


def submitted(backend: Backend, request: Request) -> Outcome:
    outcomes: queue.Queue[Outcome] = queue.Queue()
    backend.submit(request, outcomes.put)
    return outcomes.get(timeout=PATIENCE_S)


WAYS = [blocking, awaited, submitted]
every_way = pytest.mark.parametrize("way", WAYS)


def dripping(data: bytes, gap_s: float, piece_bytes: int = 1) -> Behaviour:
    """Answers with ``data``, a pause before each piece, and then says nothing."""

    def behave(peer: Peer) -> None:
        peer.request()
        for start in range(0, len(data), piece_bytes):
            peer.server.release.wait(gap_s)
            peer.send(data[start : start + piece_bytes])
        peer.wait_for_close()

    return behave


def assert_idle(outcome: Outcome, options: TransferOptions, sent: Sent, phase: Phase) -> None:
    assert isinstance(outcome, TimeoutError)
    assert outcome.code == 28
    assert f"nothing moved for {options.idle_timeout_s:g} s" in outcome.message
    assert (outcome.sent, outcome.phase) == (sent, phase)


def test_a_body_that_drips_in_time_completes_however_its_caller_waits(backend: Backend) -> None:
    with RawServer(dripping(OK, 1.3 / len(OK))) as server, ThreadPoolExecutor() as threads:
        request = Request("GET", server.url, options=LIMITED)
        outcomes = list(threads.map(lambda way: way(backend, request), WAYS))
    assert [getattr(outcome, "body", outcome) for outcome in outcomes] == [b"ok"] * len(WAYS)


@every_way
def test_a_body_that_stops_ends_it(backend: Backend, way: Way) -> None:
    with RawServer(dripping(OK[:-1], 0)) as server:
        outcome = way(backend, Request("GET", server.url, options=LIMITED))
    assert_idle(outcome, LIMITED, Sent.YES, Phase.BODY)


@every_way
def test_silence_before_the_first_byte_ends_it(backend: Backend, way: Way) -> None:
    with RawServer(silent) as server:
        outcome = way(backend, Request("GET", server.url, options=LIMITED))
    assert_idle(outcome, LIMITED, Sent.MAYBE, Phase.FIRST_BYTE)


def test_a_connection_that_hangs_ends_it(backend: Backend) -> None:
    with full_backlog() as url:
        outcome = blocking(backend, Request("GET", url, options=LIMITED))
    assert_idle(outcome, LIMITED, Sent.NO, Phase.CONNECT)


def test_a_tls_handshake_that_hangs_ends_it(backend: Backend) -> None:
    with RawServer(silent) as server:
        url = server.url.replace("http:", "https:")
        outcome = blocking(backend, Request("GET", url, options=LIMITED))
    assert_idle(outcome, LIMITED, Sent.NO, Phase.TLS)


def test_a_request_body_nobody_reads_ends_it(backend: Backend) -> None:
    def deaf(peer: Peer) -> None:
        peer.server.release.wait(PATIENCE_S)

    body = bytes(32 * 1024 * 1024)
    with RawServer(deaf) as server:
        outcome = blocking(backend, Request("POST", server.url, body=body, options=LIMITED))
    assert_idle(outcome, LIMITED, Sent.MAYBE, Phase.SEND)


def test_a_request_body_that_goes_out_slowly_completes(backend: Backend) -> None:
    size = 2 * 1024 * 1024

    def slow_reader(peer: Peer) -> None:
        left = size
        while left > 0:
            peer.server.release.wait(0.05)
            left -= len(peer.socket.recv(128 * 1024))
        peer.send(OK)

    # It takes longer than the limit; the kernel's buffers alone could hold all of it.
    with RawServer(slow_reader, receive_buffer_bytes=64 * 1024) as server:
        request = Request("POST", server.url, body=bytes(size), options=LIMITED)
        assert isinstance(outcome := blocking(backend, request), Response), outcome


def test_an_answer_that_came_while_the_loop_was_busy_counts(backend: Backend) -> None:
    sent = threading.Event()

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        sent.set()

    async def ask(url: str) -> Response:
        task = asyncio.create_task(backend.aperform(Request("GET", url, options=LIMITED)))
        await asyncio.sleep(0)
        while not sent.is_set():
            await asyncio.sleep(0)
        time.sleep(2 * LIMITED.idle_timeout_s)  # the loop is busy for longer than the limit
        return await task

    with RawServer(behave) as server:
        assert asyncio.run(ask(server.url)).status == 200


def test_the_total_counts_while_something_moves(backend: Backend) -> None:
    options = TransferOptions(idle_timeout_s=30, total_timeout_s=0.3)
    with RawServer(dripping(OK, 0.05)) as server:
        outcome = blocking(backend, Request("GET", server.url, options=options))
    assert isinstance(outcome, TimeoutError)
    assert "nothing moved" not in outcome.message


def test_the_limit_of_connecting_counts_beside_it(backend: Backend) -> None:
    options = TransferOptions(idle_timeout_s=30, total_timeout_s=60, connect_timeout_s=0.1)
    with full_backlog() as url:
        outcome = blocking(backend, Request("GET", url, options=options))
    assert isinstance(outcome, TimeoutError)
    assert "nothing moved" not in outcome.message


def test_the_least_limit_ends_it(backend: Backend) -> None:
    options = TransferOptions(idle_timeout_s=0.001)
    with RawServer(silent) as server:
        outcome = blocking(backend, Request("GET", server.url, options=options))
    assert isinstance(outcome, TimeoutError)
    assert "nothing moved for 0.001 s" in outcome.message


def test_a_kept_connection_that_falls_silent_is_closed(backend: Backend) -> None:
    def behave(peer: Peer) -> None:
        while peer.request():
            if peer.number == 1 and len(peer.server.requests) == 3:
                peer.wait_for_close()
            else:
                peer.send(OK)

    with RawServer(behave) as server:
        request = Request("GET", server.url, options=LIMITED)
        outcomes = [blocking(backend, request) for _ in range(4)]
        assert server.connections == 2
    assert_idle(outcomes.pop(2), LIMITED, Sent.MAYBE, Phase.FIRST_BYTE)
    assert [type(outcome) for outcome in outcomes] == [Response] * 3


def test_transfers_without_a_limit_are_left_alone(backend: Backend) -> None:
    answered: queue.Queue[Outcome] = queue.Queue()

    def held(peer: Peer) -> None:
        peer.request()
        peer.server.release.wait(PATIENCE_S)
        peer.send(OK)

    with RawServer(held) as server, RawServer(silent) as deaf:
        backend.submit(Request("GET", server.url, total_timeout_s=60), answered.put)
        assert_idle(
            submitted(backend, Request("GET", deaf.url, options=LIMITED)),
            LIMITED,
            Sent.MAYBE,
            Phase.FIRST_BYTE,
        )
        server.release.set()
        assert isinstance(answered.get(timeout=PATIENCE_S), Response)


def test_a_short_limit_does_not_wait_for_a_long_one(backend: Backend) -> None:
    ended: queue.Queue[Outcome] = queue.Queue()
    patient = TransferOptions(idle_timeout_s=600, total_timeout_s=0)
    with RawServer(silent) as server:
        waiting = backend.submit(Request("GET", server.url, options=patient), ended.put)
        outcome = submitted(backend, Request("GET", server.url, options=LIMITED))
        assert_idle(outcome, LIMITED, Sent.MAYBE, Phase.FIRST_BYTE)
        assert waiting.cancel()
        assert isinstance(ended.get(timeout=PATIENCE_S), CancelledError)


@pytest.mark.parametrize("limit_s", [-1.0, float("nan"), float("inf"), "1", True])
def test_a_limit_that_is_no_number_of_seconds(backend: Backend, limit_s: float) -> None:
    options = TransferOptions(idle_timeout_s=limit_s)
    with pytest.raises(RequestError, match="idle_timeout_s"):
        backend.perform(Request("GET", "http://127.0.0.1:9/", options=options))


@every_way
@pytest.mark.parametrize("environment", [{}, {"http_proxy": "http://127.0.0.1:{port}"}])
def test_the_limit_may_be_told_together_with_the_proxies_of_the_environment(
    backend: Backend, way: Way, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = dataclasses.replace(LIMITED, proxy=Proxy(from_environment=True))
    with RawServer(echo) as server:
        for name, value in environment.items():
            monkeypatch.setenv(name, value.format(port=server.port))
            monkeypatch.setenv("no_proxy", "")
        outcome = way(backend, Request("GET", server.url, options=options))
    assert isinstance(outcome, Response)
