"""Rows 35 to 44: answers that are not what HTTP/1.1 says."""

from __future__ import annotations

import gzip
import threading

import pytest

from onehttp_backends.contract import Request, TransferOptions
from onehttp_backends.errors import (
    DisconnectedError,
    ProtocolError,
    Sent,
    TooLargeError,
    TransferError,
)
from servers.patience import PATIENCE_S
from servers.raw import OK, Behaviour, Peer, RawServer, answering
from stand_ins.scene import Scene

STATUS = b"HTTP/1.1 200 OK\r\n"
CHUNKED = STATUS + b"Transfer-Encoding: chunked\r\n\r\n"
UNPACKED = TransferOptions(decompress=True)


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\xff\x01 garbage\r\n\r\n",
        b"just text\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        STATUS + b"no colon in this line\r\n\r\n",
    ],
)
def test_35_what_is_no_http(scene: Scene, answer: bytes) -> None:
    with RawServer(answering(answer)) as server:
        error = scene.ask(Request("POST", server.url, body=b"1"))
    assert isinstance(error, ProtocolError), repr(error)
    assert error.code in (1, 8), repr(error)
    assert error.sent is not Sent.NO
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("lengths", "codes"),
    [
        (b"Content-Length: 2\r\nContent-Length: 3\r\n", (8,)),
        (b"Content-Length: -2\r\n", (8,)),
        # The double can count that far, and misses the rest of the body.
        (b"Content-Length: 9223372036854775808\r\n", (8, 18, 63)),
        (b"Content-Length: 2, 3\r\n", (8,)),
    ],
)
def test_36_lengths_that_cannot_be(scene: Scene, lengths: bytes, codes: tuple[int, ...]) -> None:
    with RawServer(answering(STATUS + lengths + b"\r\nok")) as server:
        outcome = scene.ask(server.url)
    assert isinstance(outcome, TransferError), outcome
    assert outcome.code in codes, repr(outcome)
    assert outcome.sent is not Sent.NO


def test_36_a_length_beside_chunks(scene: Scene) -> None:
    def both(peer: Peer) -> None:
        head = STATUS + b"Content-Length: 90\r\nTransfer-Encoding: chunked\r\n\r\n"
        while peer.request():
            peer.send(head + b"2\r\nok\r\n0\r\n\r\n")

    with RawServer(both) as server:
        for number in (1, 2):
            assert scene.answer(server.url).body == b"ok"
            assert server.connections == number


def endless(start: bytes, again: bytes) -> Behaviour:
    """As long as anybody reads it."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(start)
        while True:
            peer.send(again)

    return behave


ENDLESS = {
    "overflow": answering(CHUNKED + b"fffffffffffffffffffff\r\nx"),
    "negative": answering(CHUNKED + b"-1\r\nx"),
    "extension": endless(CHUNKED + b"2;", b"x=y;" * 1024),
    "trailer": endless(CHUNKED + b"2\r\nok\r\n0\r\n", b"X-More: %s\r\n" % (b"a" * 4096)),
}


@pytest.mark.parametrize("behave", ENDLESS.values(), ids=list(ENDLESS))
def test_37_chunks_without_measure(scene: Scene, behave: Behaviour) -> None:
    with RawServer(behave) as server:
        request = Request("GET", server.url, total_timeout_s=PATIENCE_S)
        scene.failure(request, (18, 56, 100), Sent.YES)


@pytest.mark.parametrize(
    "behave",
    [
        endless(STATUS, b"X-More: %s\r\n" % (b"a" * 4096)),
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 100),
    ],
    ids=["headers", "continue", "hints"],
)
def test_38_heads_without_end(scene: Scene, behave: Behaviour) -> None:
    with RawServer(behave) as server:
        outcome = scene.ask(Request("GET", server.url, total_timeout_s=PATIENCE_S))
    assert isinstance(outcome, (ProtocolError, DisconnectedError, TooLargeError)), repr(outcome)
    assert outcome.code in ((8, 56, 100) if scene.is_double else (56, 100)), repr(outcome)


def test_39_hints_before_an_answer(scene: Scene) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nX-Kind: hint\r\nSet-Cookie: a=1\r\n\r\n"
    answer = STATUS + b"X-Kind: final\r\nContent-Length: 2\r\n\r\nok"
    with RawServer(answering(hints + hints + answer)) as server:
        response = scene.answer(server.url)
    assert (response.status, response.headers.get_all("X-Kind")) == (200, ["final"])
    assert "Set-Cookie" not in response.headers


def test_39_a_continue_after_the_answer(scene: Scene) -> None:
    """It answers nobody: the next call is not told it."""

    def late(peer: Peer) -> None:
        while peer.request():
            peer.send(OK + (b"HTTP/1.1 100 Continue\r\n\r\n" if peer.number == 1 else b""))

    with RawServer(late) as server:
        for _ in range(3):
            assert scene.answer(Request("POST", server.url, body=b"1")).body == b"ok"
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n"),
        ("HEAD", STATUS + b"Content-Length: 4\r\n\r\n"),
    ],
)
def test_40_bodies_where_there_is_none(scene: Scene, method: str, head: bytes) -> None:
    def behave(peer: Peer) -> None:
        while peer.request():
            peer.send(head + b"EVIL")

    with RawServer(behave) as server:
        for _ in range(3):
            response = scene.answer(Request(method, server.url))
            assert (response.status, response.body) == (int(head[9:12]), b"")
        assert server.connections == 3


FORGED = STATUS + b"Content-Length: 4\r\n\r\nEVIL"


@pytest.mark.parametrize("pause_s", [0.0, 0.01])
def test_41_a_second_response_answers_nobody(scene: Scene, pause_s: float) -> None:
    forged = threading.Semaphore(0)

    def forging(peer: Peer) -> None:
        while peer.request():
            if pause_s:
                peer.send(OK)
                peer.server.release.wait(pause_s)
                peer.send(FORGED)
            else:
                peer.send(OK + FORGED)
            forged.release()

    with RawServer(forging) as server:
        for method in ("GET", "POST", "GET", "POST", "GET"):
            body = b"1" if method == "POST" else None
            assert scene.answer(Request(method, server.url, body=body)).body == b"ok"
            assert forged.acquire(timeout=PATIENCE_S)
            scene.check_neighbour()
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"X-A: one\r\n two", "one two"),
        (b"X-A: caf\xc3\xa9", "caf\xc3\xa9"),
        (b"X-A: caf\xe9", "café"),
        (b"X-A: one\nX-B: two", "one"),
        (b"X-A: a\x00b", None),
    ],
    ids=["folded", "utf-8", "latin-1", "bare LF", "NUL"],
)
def test_42_odd_bytes_in_headers(scene: Scene, line: bytes, found: str | None) -> None:
    with RawServer(answering(STATUS + line + b"\r\nContent-Length: 2\r\n\r\nok")) as server:
        if found is None:
            assert isinstance(error := scene.ask(server.url), ProtocolError)
            assert error.code in (1, 8), repr(error)
        else:
            assert scene.answer(server.url).headers["X-A"] == found


def test_43_an_answer_before_the_upload_ends(scene: Scene) -> None:
    """It is delivered, and nothing more is sent into that connection."""

    def refusing(peer: Peer) -> None:
        peer.socket.recv(65536)
        peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        peer.wait_for_close()

    with RawServer(refusing) as server:
        for number in (1, 2):
            response = scene.answer(Request("POST", server.url, body=bytes(20_000_000)))
            assert (response.status, response.body) == (413, b"big")
            assert server.connections == number


PACKED = gzip.compress(b"some text", mtime=0)


@pytest.mark.parametrize(
    ("coding", "body", "found"),
    [
        (b"gzip", b"not packed at all", None),
        (b"gzip", PACKED[:-1], None),
        (b"gzip", PACKED + PACKED, b"some text" * 2),
        (b"unheard-of", b"as it is", b"as it is"),
        (b"gzip, " * 5 + b"gzip", PACKED, None),
    ],
    ids=["wrong", "cut", "two members", "unknown", "six"],
)
def test_44_codings(scene: Scene, coding: bytes, body: bytes, found: bytes | None) -> None:
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    answer = STATUS + b"Content-Encoding: " + coding + b"\r\n" + length + body
    with RawServer(answering(answer)) as server:
        request = Request("GET", server.url, options=UNPACKED)
        if found is None:
            scene.failure(request, 61, Sent.YES)
        else:
            assert scene.answer(request).body == found
