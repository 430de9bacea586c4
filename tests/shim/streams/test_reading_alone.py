"""A thread that reads, or sends a body, while nothing else is in flight takes short turns, which
miss nothing and do not keep the processor busy."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

import pytest

import onehttp
from onehttp_backends.curl.engine import reading_on
from onehttp_backends.curl.engine.engine import Engine
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer
from stand_ins.streams.chunked import asked

CHUNK = b"10000\r\n" + bytes(0x10000) + b"\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = 200


def test_the_end_is_seen_and_the_connection_kept(api: str) -> None:
    def behave(peer: Peer) -> None:
        while peer.request():
            peer.send(CHUNKED + CHUNK * CHUNKS + b"0\r\n\r\n")

    with RawServer(behave) as server:
        for _ in range(3):
            with onehttp.stream("GET", server.url) as response:
                assert sum(map(len, response.iter_bytes())) == CHUNKS * 0x10000
        assert onehttp.stats().connections_opened == 1


def test_a_body_that_never_stands_still_ends_at_the_limit_in_all(api: str) -> None:
    is_over = threading.Event()

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(CHUNKED)
        while not is_over.wait(0.001):
            peer.send(b"1\r\nx\r\n")

    with RawServer(behave) as server:
        with (
            pytest.raises(onehttp.TimeoutError),
            onehttp.stream("GET", server.url, timeout=0.2) as response,
        ):
            for _ in response.iter_bytes():
                pass
        is_over.set()


def test_other_transfers_progress_while_a_reader_waits(api: str) -> None:
    has_answered = threading.Event()

    def behave(peer: Peer) -> None:
        while request := peer.request():
            if request.startswith(b"GET /other"):
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")
                continue
            peer.send(CHUNKED + CHUNK)
            has_answered.wait(PATIENCE_S)
            peer.send(b"0\r\n\r\n")

    def ask(url: str) -> None:
        assert onehttp.request("GET", f"{url}/other").body == b"other"
        has_answered.set()

    with RawServer(behave) as server, onehttp.stream("GET", server.url) as response:
        pieces = response.iter_bytes()
        read = len(next(pieces))
        other = threading.Thread(target=ask, args=(server.url,))
        other.start()
        assert read + sum(map(len, pieces)) == 0x10000
        other.join()
    assert has_answered.is_set()


SIZE = 32 << 20


@pytest.fixture
def file() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as found:
        found.truncate(SIZE)
        yield found


def taking(peer: Peer, before: Callable[[], object]) -> None:
    """Reads the head of a request, waits, reads all of its body."""
    stream = peer.socket.makefile("rb")
    while stream.readline() not in (b"\r\n", b""):
        pass
    before()
    left = SIZE
    while left and (piece := stream.read(min(left, 1 << 16))):
        left -= len(piece)
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_a_file_is_sent_by_short_turns(
    api: str, file: IO[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    if api != "pycurl":
        pytest.skip("turns are the engine's")
    turns: list[int] = []
    whole = Engine.turn

    def turn(self: Engine, max_wait_s: float = -1.0) -> None:
        turns.append(1)
        whole(self, max_wait_s)

    monkeypatch.setattr(Engine, "turn", turn)
    monkeypatch.setattr(reading_on, "LONGEST_WAIT_S", PATIENCE_S)
    with RawServer(lambda peer: taking(peer, lambda: None)) as server:
        assert onehttp.request("PUT", server.url, body=file).status == 200
    assert len(turns) < 20


@pytest.mark.parametrize("kind", ["generator", "file"])
def test_a_thread_that_has_sent_its_body_sleeps_until_the_response_comes(
    api: str, file: IO[bytes], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if api != "pycurl":
        pytest.skip("turns are the engine's")
    engines: list[Engine] = []
    whole = Engine.turn

    def turn(self: Engine, max_wait_s: float = -1.0) -> None:
        engines.append(self)
        whole(self, max_wait_s)

    def behave(peer: Peer) -> None:
        assert asked(peer)
        end, looks = time.monotonic() + PATIENCE_S, 0
        while looks < 20 and time.monotonic() < end:  # it may just be asleep to send the rest
            looks = looks + 1 if engines[-1].ownership.is_asleep else 0
            peer.server.release.wait(0.001)
        has_slept.append(looks == 20)
        peer.send(OK)

    has_slept: list[bool] = []
    monkeypatch.setattr(Engine, "turn", turn)
    sent: Any = iter([b"bo", b"dy"]) if kind == "generator" else file
    with RawServer(behave) as server:
        assert onehttp.request("PUT", server.url, body=sent, timeout=2 * PATIENCE_S).body == b"ok"
    assert has_slept == [True]


def test_other_transfers_progress_while_a_file_is_sent(api: str, file: IO[bytes]) -> None:
    has_answered = threading.Event()

    def behave(peer: Peer) -> None:
        if peer.socket.recv(4, socket.MSG_PEEK) == b"GET ":
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")
        else:
            is_sending.set()
            taking(peer, lambda: has_answered.wait(PATIENCE_S))

    def ask(url: str) -> None:
        assert is_sending.wait(PATIENCE_S)
        assert onehttp.request("GET", url).body == b"other"
        has_answered.set()

    is_sending = threading.Event()
    with RawServer(behave) as server:
        other = threading.Thread(target=ask, args=(server.url,))
        other.start()
        assert onehttp.request("PUT", server.url, body=file).status == 200
        other.join()
    assert has_answered.is_set()
