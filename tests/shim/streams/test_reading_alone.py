"""A thread that reads while nothing else is in flight takes short turns, which miss nothing."""

from __future__ import annotations

import threading

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer

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


def test_others_are_heard_while_it_waits(api: str) -> None:
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
