"""What goes wrong on the way: a typed error with libcurl's code, and the engine goes on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from onehttp_backends.contract import Backend, Outcome, Request, Response, TransferOptions
from onehttp_backends.errors import (
    CancelledError,
    ConnectError,
    CurlCode,
    DisconnectedError,
    OnehttpError,
    Phase,
    ResolveError,
    Sent,
    TimeoutError,
    TLSError,
    TransferError,
)
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from servers.ports import free_port
from servers.raw import OK, Peer, RawServer, answering, keep_answering, silent


@contextlib.contextmanager
def failing(
    code: int, kind: type[TransferError], sent: Sent
) -> Iterator[pytest.ExceptionInfo[TransferError]]:
    with pytest.raises(kind) as caught:
        yield caught
    assert (caught.value.code, caught.value.sent) == (code, sent)


def test_a_refused_connection(backend: Backend) -> None:
    with failing(7, ConnectError, Sent.NO):
        backend.perform(Request("GET", f"http://127.0.0.1:{free_port()}/"))


def test_a_name_without_address(backend: Backend) -> None:
    with failing(6, ResolveError, Sent.NO) as caught:
        backend.perform(Request("GET", "http://no-such-host.invalid/", total_timeout_s=PATIENCE_S))
    assert caught.value.phase is Phase.LOOKUP


def test_a_server_that_never_answers(backend: Backend) -> None:
    with RawServer(silent) as server, failing(28, TimeoutError, Sent.MAYBE) as caught:
        backend.perform(Request("GET", server.url, total_timeout_s=1.0))
    assert caught.value.phase is Phase.FIRST_BYTE


def test_a_tls_handshake_that_never_ends(backend: Backend) -> None:
    with RawServer(silent) as server, failing(28, TimeoutError, Sent.NO) as caught:
        url = server.url.replace("http:", "https:")
        backend.perform(Request("GET", url, total_timeout_s=1.0))
    assert caught.value.phase is Phase.TLS


def test_a_connection_closed_without_an_answer(backend: Backend) -> None:
    with RawServer(answering(b"")) as server, failing(52, DisconnectedError, Sent.MAYBE):
        backend.perform(Request("GET", server.url))
    assert len(server.requests) == 1


def test_a_connection_reset_after_the_request(backend: Backend) -> None:
    def reset(peer: Peer) -> None:
        peer.request()
        peer.reset()

    with RawServer(reset) as server, failing(56, DisconnectedError, Sent.MAYBE):
        backend.perform(Request("GET", server.url))


def test_a_body_cut_short(backend: Backend) -> None:
    short = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf of it"
    with RawServer(answering(short)) as server, failing(18, DisconnectedError, Sent.YES):
        backend.perform(Request("GET", server.url))


def test_a_chunk_cut_short(backend: Backend) -> None:
    short = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nnot that much"
    with RawServer(answering(short)) as server, pytest.raises(DisconnectedError) as caught:
        backend.perform(Request("GET", server.url))
    assert caught.value.code in (18, 56)
    assert caught.value.sent is Sent.YES


def test_an_untrusted_certificate(backend: Backend, tls_server_context: ssl.SSLContext) -> None:
    with RawServer(keep_answering, tls_server_context) as server, failing(60, TLSError, Sent.NO):
        backend.perform(Request("GET", server.url))
    assert server.requests == []


def test_a_certificate_for_another_name(
    backend: Backend, wrong_name_context: ssl.SSLContext, trusting: TransferOptions
) -> None:
    with RawServer(keep_answering, wrong_name_context) as server, failing(60, TLSError, Sent.NO):
        backend.perform(Request("GET", server.url, options=trusting))


def test_a_trusted_certificate(
    backend: Backend, tls_server_context: ssl.SSLContext, trusting: TransferOptions
) -> None:
    with RawServer(keep_answering, tls_server_context) as server:
        assert backend.perform(Request("GET", server.url, options=trusting)).status == 200


def closes_on_the_second_request(peer: Peer) -> None:
    """Reads it whole, and goes without a byte."""
    if peer.request():
        peer.send(OK)
        peer.request()


@pytest.mark.parametrize(("method", "body"), [("POST", b"pay=1"), ("POST", b""), ("DELETE", None)])
def test_an_unsafe_request_is_never_sent_twice(
    backend: Backend, method: str, body: bytes | None
) -> None:
    with RawServer(closes_on_the_second_request) as server:
        backend.perform(Request("GET", server.url))
        with failing(52, DisconnectedError, Sent.MAYBE):
            backend.perform(Request(method, f"{server.url}/pay", body=body))
    assert server.targets.count(f"{method} /pay") == 1


def test_a_safe_request_on_a_kept_connection_is_sent_once_more(backend: Backend) -> None:
    with RawServer(closes_on_the_second_request) as server:
        backend.perform(Request("GET", server.url))
        assert backend.perform(Request("GET", f"{server.url}/get")).status == 200
    assert server.targets.count("GET /get") == 2


def test_an_unsafe_request_may_be_repeated_where_allowed(backend: Backend) -> None:
    options = TransferOptions(unsafe_resend=True)
    with RawServer(closes_on_the_second_request) as server:
        backend.perform(Request("GET", server.url, options=options))
        request = Request("POST", f"{server.url}/pay", body=b"1", options=options)
        assert backend.perform(request).status == 200
    assert server.targets.count("POST /pay") == 2


def test_a_connection_the_server_has_closed_costs_no_post(backend: Backend) -> None:
    """The close is seen before the next request is written: nothing is lost, nothing doubled."""
    closed = threading.Semaphore(0)

    def one_answer(peer: Peer) -> None:
        if peer.request():
            peer.send(OK)
            peer.socket.shutdown(socket.SHUT_RDWR)
            closed.release()

    with RawServer(one_answer) as server:
        for number in range(5):
            request = Request("POST", f"{server.url}/{number}", body=b"x")
            assert backend.perform(request).status == 200
            assert closed.acquire(timeout=PATIENCE_S)
    assert server.targets == [f"POST /{number}" for number in range(5)]


def test_a_stray_response_is_never_the_answer_to_the_next_call(backend: Backend) -> None:
    sent = threading.Semaphore(0)
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"

    def forging(peer: Peer) -> None:
        while peer.request():
            peer.send(OK)
            if peer.number == 1:
                peer.server.release.wait(0.02)  # let the client take the first by itself
                peer.send(evil)
            sent.release()

    with RawServer(forging) as server:
        for _ in range(3):
            assert backend.perform(Request("GET", server.url)).body == b"ok"
            assert sent.acquire(timeout=PATIENCE_S)


def test_a_callback_that_raises_is_logged_and_counted(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    called = threading.Semaphore(0)

    def raising(outcome: object) -> None:
        called.release()
        raise RuntimeError("from the callback")

    with caplog.at_level(logging.ERROR, "onehttp"), RawServer(keep_answering) as server:
        for _ in range(3):
            backend.submit(Request("GET", server.url), raising)
        for _ in range(3):
            assert called.acquire(timeout=PATIENCE_S)
        assert backend.perform(Request("GET", server.url)).status == 200
        backend.close(PATIENCE_S)
    assert backend.stats().callback_errors in (0, 3)  # a closed engine has no account any more
    assert caplog.text.count("callback failed") == 3


def test_a_cancelled_task_takes_its_transfer_back(backend: Backend) -> None:
    async def cancel(url: str) -> None:
        task = asyncio.create_task(backend.aperform(Request("GET", url)))
        while not server.requests:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while backend.stats().in_flight:
            await asyncio.sleep(0.001)

    with RawServer(silent_after_reading) as server, RawServer(keep_answering) as good:
        asyncio.run(cancel(server.url))
        assert backend.perform(Request("GET", good.url)).status == 200
    assert backend.stats().cancelled == 1


def silent_after_reading(peer: Peer) -> None:
    peer.request()
    peer.wait_for_close()


def test_a_submitted_transfer_can_be_cancelled(backend: Backend) -> None:
    outcomes: list[object] = []
    ended = threading.Semaphore(0)

    def on_done(outcome: object) -> None:
        outcomes.append(outcome)
        ended.release()

    with RawServer(silent) as server:
        transfer = backend.submit(Request("GET", server.url, total_timeout_s=60), on_done)
        assert transfer.cancel()
        assert ended.acquire(timeout=PATIENCE_S)
        assert not transfer.cancel()
    assert isinstance(outcomes[0], CancelledError)
    assert outcomes[0].code == 42


def test_closing_ends_every_transfer_in_flight(backend: Backend) -> None:
    outcomes: list[object] = []
    ended = threading.Semaphore(0)

    def on_done(outcome: object) -> None:
        outcomes.append(outcome)
        ended.release()

    def blocking() -> None:
        try:
            on_done(backend.perform(Request("GET", server.url, total_timeout_s=60)))
        except TransferError as error:
            on_done(error)

    with RawServer(silent_after_reading) as server:
        threads = [threading.Thread(target=blocking) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(4):
            backend.submit(Request("GET", server.url, total_timeout_s=60), on_done)
        poll = threading.Event()
        while len(server.requests) < 8:
            poll.wait(0.002)
        backend.close()
        for _ in range(8):
            assert ended.acquire(timeout=PATIENCE_S)
        for thread in threads:
            thread.join(PATIENCE_S)
    assert [type(outcome) for outcome in outcomes] == [CancelledError] * 8


def test_closing_with_grace_lets_transfers_finish(backend: Backend) -> None:
    outcomes: list[object] = []

    def answers_late(peer: Peer) -> None:
        peer.request()
        peer.server.release.wait(0.1)
        peer.send(OK)

    with RawServer(answers_late) as server:
        for _ in range(5):
            backend.submit(Request("GET", server.url), outcomes.append)
        backend.close(PATIENCE_S)
    assert [type(outcome) for outcome in outcomes] == [Response] * 5


def test_a_closed_backend_says_so(backend: Backend) -> None:
    backend.close()
    backend.close()
    for call in (
        lambda: backend.perform(Request("GET", "http://127.0.0.1/")),
        lambda: backend.submit(Request("GET", "http://127.0.0.1/"), print),
        lambda: asyncio.run(_await(backend)),
    ):
        with pytest.raises(OnehttpError, match="closed"):
            call()


async def _await(backend: Backend) -> None:
    await backend.aperform(Request("GET", "http://127.0.0.1/"))


def test_an_answer_of_the_double_that_raises_ends_a_submitted_transfer() -> None:
    def broken(request: Request) -> int:
        raise ZeroDivisionError("a mistake of the test's own")

    outcomes: queue.Queue[Outcome] = queue.Queue()
    double = load("httpx")(handler=broken)
    double.submit(Request("GET", "http://api.example/"), outcomes.put)
    outcome = outcomes.get(timeout=PATIENCE_S)
    double.close()
    assert isinstance(outcome, TransferError)
    assert outcome.code == CurlCode.FAILED_INIT
    assert "a mistake of the test's own" in str(outcome)
