"""An answer that comes before anything of its request has arrived is none to it: what a server says
unasked while the next request of a kept connection is on its way."""

from __future__ import annotations

import asyncio
import select
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Final
from unittest.mock import Mock

import pycurl
import pytest

from onehttp_backends.bodies.sources import upload_of
from onehttp_backends.contract import HttpVersion, Outcome, Request, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.engine import early_answers, single_transfer
from onehttp_backends.curl.engine.quiet_mode import QuietMode
from onehttp_backends.errors import CurlCode, DisconnectedError, Sent, TransferError
from onehttp_backends.optional.streaming import Opening, StreamLimits
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer, keep_answering
from stand_ins.driving.speaking_first import STRAY, SpeakingFirst, grow_deaf

UNHURRIED: Final = TransferOptions(total_timeout_s=PATIENCE_S, connect_timeout_s=0)


def blocking(engine: PycurlBackend, request: Request) -> bytes:
    return engine.perform(request).body


def awaited(engine: PycurlBackend, request: Request) -> bytes:
    return asyncio.run(engine.aperform(request)).body


def called_back(engine: PycurlBackend, request: Request) -> bytes:
    done = threading.Event()
    outcomes: list[Outcome] = []

    def on_done(outcome: Outcome) -> None:
        outcomes.append(outcome)
        done.set()

    engine.submit(request, on_done)
    assert done.wait(PATIENCE_S)
    if isinstance(outcomes[0], TransferError):
        raise outcomes[0]
    return outcomes[0].body


def streamed(engine: PycurlBackend, request: Request) -> bytes:
    opened = engine.open(Opening(request, StreamLimits(PATIENCE_S)))
    return b"".join(b"".join(pieces) for pieces in iter(opened.take, []))


Way = Callable[[PycurlBackend, Request], bytes]
WAYS: Final[dict[str, Way]] = {
    "blocking": blocking,
    "awaited": awaited,
    "called back": called_back,
    "streamed": streamed,
}


def said_early(
    way: Way, method: str, stray: bytes, options: TransferOptions, tls: ssl.SSLContext | None = None
) -> None:
    engine, speaking = PycurlBackend(), SpeakingFirst(stray)
    with RawServer(speaking, tls) as server:
        request = Request(method, server.url, (), b"x=1" if method == "POST" else None, options)
        assert way(engine, request) == b"ok"
        speaking.is_asked_again.set()
        if method == "GET":
            assert way(engine, request) == b"ok"
        else:
            with pytest.raises(DisconnectedError, match="before the request had") as caught:
                way(engine, request)
            assert (caught.value.code, caught.value.sent) == (CurlCode.GOT_NOTHING, Sent.MAYBE)
        assert server.connections == (2 if method == "GET" else 1)
        assert way(engine, request) == b"ok"
        assert server.connections == 2
    engine.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("stray", STRAY.values(), ids=STRAY)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_it_is_not_believed(way: Way, stray: bytes, method: str) -> None:
    said_early(way, method, stray, UNHURRIED)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("stray", STRAY.values(), ids=STRAY)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_nor_is_it_in_tls(
    way: Way,
    stray: bytes,
    method: str,
    tls_server_context: ssl.SSLContext,
    trusting: TransferOptions,
) -> None:
    options = replace(UNHURRIED, tls=trusting.tls)
    said_early(way, method, stray, options, tls_server_context)


@pytest.mark.skipif(
    str(single_transfer.__file__).endswith(".so"),
    reason="NOT TESTED: what is compiled calls its own methods, not what a test puts there",
)
@pytest.mark.parametrize("stray", STRAY.values(), ids=STRAY)
@pytest.mark.parametrize("is_tls", [False, True])
def test_nor_is_it_among_many_on_kept_connections(
    stray: bytes,
    is_tls: bool,
    tls_server_context: ssl.SSLContext,
    trusting: TransferOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = Mock(wraps=QuietMode.let_read)
    monkeypatch.setattr(QuietMode, "let_read", lambda *each: reading(*each))
    engine, speaking = PycurlBackend(), SpeakingFirst(stray, 2)
    found: list[bytes] = []

    def keep(_: int, outcome: Outcome) -> None:
        assert not isinstance(outcome, TransferError), outcome
        found.append(outcome.body)

    with RawServer(speaking, tls_server_context if is_tls else None) as server:
        options = replace(UNHURRIED, tls=trusting.tls, http_version=HttpVersion.HTTP_1_1)
        two = [(number, Request("GET", server.url, options=options)) for number in range(2)]
        engine.perform_all(two, 2, keep)
        speaking.is_asked_again.set()
        engine.perform_all(two, 2, keep)
        assert (found, server.connections) == ([b"ok"] * 4, 3)
        assert reading.called
    engine.close()


@pytest.mark.parametrize("way", [blocking, awaited, streamed])
def test_an_answer_to_a_part_of_a_request_is_believed(way: Way) -> None:
    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(OK)
            if peer.socket.recv(1):
                peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
                peer.server.release.wait(PATIENCE_S)

    engine = PycurlBackend()
    with RawServer(behave, receive_buffer_bytes=2048) as server:
        request = Request("GET", server.url, options=UNHURRIED)
        assert way(engine, request) == b"ok"
        large = Request("POST", server.url, (), bytes(12_000), UNHURRIED)
        assert way(engine, large) == b"no"
    engine.close()


class AnsweringTheHead:
    """Answers the second request on its first connection when it has heard its beginning, and hears
    nothing of the rest."""

    def __init__(self) -> None:
        self.is_deaf = asyncio.Event()
        self.may_answer = threading.Event()
        self.loop = asyncio.get_running_loop()

    def __call__(self, peer: Peer) -> None:
        if peer.request():
            peer.send(OK)
            heard = b""
            while b"begin" not in heard:
                heard += peer.socket.recv(1000)
            grow_deaf(peer.socket)
            self.loop.call_soon_threadsafe(self.is_deaf.set)
            self.may_answer.wait(PATIENCE_S)
            peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
            peer.server.release.wait(PATIENCE_S)


async def sent_in_small_pieces(
    options: TransferOptions, tls: ssl.SSLContext | None, size: int | None
) -> int:
    """The status that a body comes to of which more is on its way than its request took."""
    engine, answering = PycurlBackend(), AnsweringTheHead()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"begin"
        await answering.is_deaf.wait()
        for _ in range(300):
            yield b"x"
        answering.may_answer.set()
        while True:
            await asyncio.sleep(0.001)
            yield b""

    with RawServer(answering, tls) as server:
        assert (await engine.aperform(Request("GET", server.url, options=options))).body == b"ok"
        upload = upload_of(pieces(), size=size)
        request = Request("POST", server.url, options=options, upload=upload)
        opened = await engine.aopen(Opening(request, StreamLimits(PATIENCE_S), upload.begin()))
        status = opened.response.status
        opened.close()
    engine.close()
    return status


@pytest.mark.parametrize("size", [None, 1000])
@pytest.mark.parametrize("is_tls", [False, True])
def test_an_answer_to_the_head_of_small_pieces_is_believed(
    is_tls: bool, size: int | None, tls_server_context: ssl.SSLContext, trusting: TransferOptions
) -> None:
    options = replace(UNHURRIED, tls=trusting.tls)
    context = tls_server_context if is_tls else None
    assert asyncio.run(sent_in_small_pieces(options, context, size)) == 413


@pytest.mark.skipif(
    str(single_transfer.__file__).endswith(".so"),
    reason="NOT TESTED: what is compiled calls its own methods, not what a test puts there",
)
def test_an_answer_that_comes_after_the_look_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer has ended the wait, nothing was heard of the request, and then its answer came."""
    engine = PycurlBackend()
    with RawServer(keep_answering) as server:
        request = Request("POST", server.url, (), b"x=1", UNHURRIED)
        assert blocking(engine, request) == b"ok"

        def watch(one: single_transfer._OneSocket, fd: int) -> None:
            def poll(_: float | None = None) -> list[tuple[int, int]]:
                poller = select.poll()
                poller.register(fd, one._interest)
                assert poller.poll(PATIENCE_S * 1000)
                return []

            one.fd, one.poll = fd, poll

        monkeypatch.setattr(single_transfer._OneSocket, "watch", watch)
        monkeypatch.setattr(single_transfer, "unheard_bytes", lambda _: 1)
        monkeypatch.setattr(single_transfer, "is_unheard", lambda *_: True)
        engine.close()
        engine = PycurlBackend()
        for _ in range(3):
            assert blocking(engine, request) == b"ok"
        assert server.connections == 2
    engine.close()


OK_HEAD = [b"HTTP/1.1 200 OK"]


@pytest.mark.parametrize(
    ("head", "connects", "answered_on", "is_tls", "is_open", "unheard", "expected"),
    [
        (OK_HEAD, 0, 7, False, True, 0, True),
        ([], 0, 7, False, True, 100, False),  # it was not read: the end, or a ticket
        (OK_HEAD, 1, 7, False, False, 100, False),  # the end, and another connection
        (OK_HEAD, 0, 8, False, False, 100, False),  # the end, and another kept connection
        (OK_HEAD, 0, 7, True, True, 100, True),
        (OK_HEAD, 0, 7, True, True, 99, False),  # a ticket, and then the answer
        ([b"HTTP/1.1 408 Timeout"], 0, -1, True, False, 0, True),  # closed by it
    ],
)
def test_what_is_told_by_a_second_look(
    head: list[bytes],
    connects: int,
    answered_on: int,
    is_tls: bool,
    is_open: bool,
    unheard: int,
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(early_answers, "unheard_bytes", lambda _: unheard)
    handle, watch = Mock(head=head, is_wrapped=is_tls), Mock()
    handle.easy.getinfo = {
        pycurl.NUM_CONNECTS: connects,
        pycurl.REQUEST_SIZE: 100,
        pycurl.ACTIVESOCKET: answered_on,
    }.get
    watch.socket.return_value.is_open.return_value = is_open
    assert early_answers.stays_unheard(handle, watch, 7) is expected
