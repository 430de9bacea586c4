"""Rows 45 to 53: what goes wrong on a connection of HTTP/2, which many calls share."""

from __future__ import annotations

import asyncio
import resource
import ssl
import struct
from collections.abc import Callable, Iterator

import pytest
import trustme

from conftest import server_context
from onehttp_backends.contract import HttpVersion, Outcome, Request, Response, TransferOptions
from onehttp_backends.errors import (
    DisconnectedError,
    ProtocolError,
    Sent,
    TimeoutError,
    TransferError,
)
from servers.multiplexing.scripted_http2 import Stream, scripted
from servers.raw import OK, Peer, RawServer
from stand_ins.scene import Scene

HTTP_2 = TransferOptions(http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE)
REFUSED, INTERNAL, NEEDS_HTTP_1_1 = 7, 2, 13
MEBIBYTE = 1024


def post(url: str, path: str = "/pay", options: TransferOptions = HTTP_2) -> Request:
    return Request("POST", url + path, body=b"1", options=options)


def all_at_once(scene: Scene, requests: list[Request]) -> list[Outcome]:
    async def one(request: Request) -> Outcome:
        try:
            return await scene.backend.aperform(request)
        except TransferError as error:
            return error

    async def crowd() -> list[Outcome]:
        return await asyncio.gather(*map(one, requests))

    return asyncio.run(crowd())


def goes_away(stream: Stream) -> None:
    if stream.peer.number == 1:
        stream.go_away(last_stream=0)
    else:
        stream.answer()


def refuses(stream: Stream) -> None:
    if stream.peer.number == 1:
        stream.reset(REFUSED)
    else:
        stream.answer()


def test_45_a_server_that_goes_away_below_our_streams(scene: Scene) -> None:
    with scripted(goes_away) as server:
        scene.answer(post(server.url))
        assert server.targets == ["POST /pay"] * 2
        assert server.connections == 2


def test_46_a_refused_stream(scene: Scene) -> None:
    with scripted(refuses) as server:
        scene.answer(post(server.url))
        assert server.targets == ["POST /pay"] * 2


def test_47_an_internal_error_on_one_of_a_hundred(scene: Scene) -> None:
    def fails_one(stream: Stream) -> None:
        if stream.target == b"/bad":
            stream.reset(INTERNAL)
        else:
            stream.answer()

    with scripted(fails_one) as server:
        scene.answer(post(server.url, "/first"))
        requests = [post(server.url, "/bad" if number == 50 else "/good") for number in range(100)]
        outcomes = all_at_once(scene, requests)
        assert server.connections == 1
    failed = [outcome for outcome in outcomes if not isinstance(outcome, Response)]
    assert [(error.code, error.sent) for error in failed] == [(92, Sent.MAYBE)], failed
    assert outcomes.index(failed[0]) == 50


@pytest.fixture
def either(authority: trustme.CA) -> ssl.SSLContext:
    """A server's context that speaks HTTP/2, and HTTP/1.1 to whom will not."""
    context = server_context(authority, "127.0.0.1")
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def test_48_one_stream_at_a_time(
    scene: Scene, either: ssl.SSLContext, trusting: TransferOptions
) -> None:
    """Calls wait for their turn on the connection, and end there when their time is over."""

    def answers_all_but_one(stream: Stream) -> None:
        if stream.target != b"/silent":
            stream.answer()

    with scripted(answers_all_but_one, either, max_streams=1) as server:
        scene.answer(post(server.url, "/first", trusting))
        outcomes = all_at_once(scene, [post(server.url, "/next", trusting)] * 50)
        assert all(isinstance(outcome, Response) for outcome in outcomes)
        assert server.connections < 10
        silent = post(server.url, "/silent", trusting)._replace(total_timeout_s=0.5)
        short = post(server.url, "/behind", trusting)._replace(total_timeout_s=0.3)
        for outcome in all_at_once(scene, [silent, short, short]):
            assert isinstance(outcome, (TimeoutError, Response)), repr(outcome)
        scene.answer(post(server.url, "/last", trusting))


def test_48_calls_that_are_over_take_no_place(
    scene: Scene, either: ssl.SSLContext, trusting: TransferOptions
) -> None:
    """However a call has ended, others do not find the server's limit reached because of it."""

    def answers_all_but_some(stream: Stream) -> None:
        if stream.target != b"/silent":
            stream.answer()

    with scripted(answers_all_but_some, either, max_streams=1) as server:
        scene.answer(post(server.url, "/first", trusting))
        silent = post(server.url, "/silent", trusting)._replace(total_timeout_s=0.2)
        for _ in range(3):
            first, *others = all_at_once(
                scene, [silent, *[post(server.url, "/next", trusting)] * 3]
            )
            assert isinstance(first, TimeoutError), repr(first)
            assert all(isinstance(other, Response) for other in others), others
            scene.answer(post(server.url, "/last", trusting))


def test_49_a_stream_whose_window_never_opens(scene: Scene) -> None:
    """No byte of a body is ever acknowledged; who sends none is served beside it."""
    with scripted(Stream.answer) as server:
        scene.answer(Request("GET", server.url, options=HTTP_2))
        stuck = Request("POST", f"{server.url}/stuck", (), bytes(200_000), HTTP_2, 1.0)
        others = [Request("GET", f"{server.url}/{number}", options=HTTP_2) for number in range(20)]
        first, *rest = all_at_once(scene, [stuck, *others])
        assert isinstance(first, TimeoutError), repr(first)
        assert (first.code, first.sent) == (28, Sent.MAYBE)
        assert all(isinstance(outcome, Response) for outcome in rest), rest
        scene.answer(Request("GET", server.url, options=HTTP_2))


def test_50_a_connection_cut_with_a_hundred_streams_in_every_state(scene: Scene) -> None:
    def cuts(stream: Stream) -> None:
        """Answers a third whole, a third by half, a third not at all; and is gone."""
        number = int(stream.target[1:])
        if number < 100 and number % 3 == 0:
            stream.answer()
        elif number < 100 and number % 3 == 1:
            stream.http2.send_headers(stream.number, [(":status", "200"), ("content-length", "9")])
            stream.http2.send_data(stream.number, b"half")
        elif number >= 100:
            stream.answer()
        if stream.peer.number == 1 and len(stream.peer.server.requests) == 101:
            stream.cut()

    with scripted(cuts) as server:
        scene.answer(post(server.url, "/100"))
        requests = [post(server.url, f"/{number}") for number in range(100)]
        outcomes = all_at_once(scene, requests)
        scene.answer(post(server.url, "/101"))
        assert len(server.targets) == len(set(server.targets)) == 102
    for number, outcome in enumerate(outcomes):
        if number % 3 == 0 and isinstance(outcome, Response):
            continue
        assert isinstance(outcome, (DisconnectedError, ProtocolError)), repr(outcome)
        expected = (Sent.MAYBE, Sent.YES) if number % 3 < 2 else (Sent.MAYBE,)
        assert outcome.sent in expected, (number, outcome.sent, repr(outcome))


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload) << 8 | kind) + struct.pack(">BI", flags, stream) + payload


def continuations() -> Iterator[bytes]:
    yield frame(1, 0, 1, b"\x88")
    while True:
        yield frame(9, 0, 1, b"\x00\x04more\x7f\x81\x7f" + b"a" * 256)


def hpack_bomb() -> Iterator[bytes]:
    """One long header in the table of the client, and references to it."""
    entry = b"\x40\x01a\x7f\xe1\x1e" + b"b" * 4000
    yield frame(1, 0, 1, b"\x88" + entry)
    while True:
        yield frame(9, 0, 1, b"\xbe" * 16_000)


def pings() -> Iterator[bytes]:
    while True:
        yield frame(6, 0, 0, bytes(8)) * 1000


def settings() -> Iterator[bytes]:
    while True:
        yield frame(4, 0, 0, struct.pack(">HI", 3, 100)) * 1000


@pytest.mark.parametrize("flood", [continuations, hpack_bomb, pings, settings])
def test_51_floods(scene: Scene, flood: Callable[[], Iterator[bytes]]) -> None:
    def flooding(peer: Peer) -> None:
        peer.socket.recv(65536)
        peer.send(frame(4, 0, 0, b""))
        for frames in flood():
            peer.send(frames)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with RawServer(flooding) as server:
        outcome = scene.ask(Request("GET", server.url, options=HTTP_2))
        assert isinstance(outcome, TransferError), repr(outcome)
        if not scene.is_double:
            assert isinstance(outcome, (ProtocolError, DisconnectedError)), repr(outcome)
            assert (outcome.code in (16, 56, 92), outcome.sent is Sent.NO) == (True, False)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 * MEBIBYTE, f"{grown} KiB"


def test_52_http_2_that_is_none(
    scene: Scene, h2_server_context: ssl.SSLContext, trusting: TransferOptions
) -> None:
    def speaks_1_1(peer: Peer) -> None:
        peer.socket.recv(65536)
        peer.send(OK)

    with RawServer(speaks_1_1, h2_server_context) as server:
        outcome = scene.ask(post(server.url, "/pay", trusting))
    assert isinstance(outcome, (ProtocolError, DisconnectedError)), repr(outcome)
    assert (outcome.code in (16, 55, 56), outcome.sent) == (True, Sent.MAYBE), repr(outcome)


def test_52_http_1_1_is_required(
    scene: Scene, either: ssl.SSLContext, trusting: TransferOptions
) -> None:
    with scripted(lambda stream: stream.reset(NEEDS_HTTP_1_1), either) as server:
        assert scene.answer(post(server.url, "/pay", trusting)).http_version == "1.1"


def test_53_pushes_are_refused(scene: Scene) -> None:
    may_push: list[int] = []

    def pushes(stream: Stream) -> None:
        may_push.append(stream.http2.remote_settings.enable_push)
        stream.flush()
        # ``:method: GET``, ``:scheme: http``, ``:path: /`` for stream 2.
        stream.peer.send(frame(5, 4, stream.number, struct.pack(">I", 2) + b"\x82\x86\x84"))
        stream.answer()

    with scripted(pushes) as server:
        outcome = scene.ask(post(server.url))
        assert isinstance(outcome, (Response, ProtocolError, DisconnectedError)), repr(outcome)
        assert may_push == [0]
