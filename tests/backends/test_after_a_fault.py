"""A wrong answer is one call's: the next one has a connection that is fit for it."""

from __future__ import annotations

import contextlib
import gzip
import socket
from collections.abc import Callable

import pytest

from onehttp_backends.contract import Backend, HttpVersion, Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import TransferError
from servers.multiplexing.scripted_http2 import Stream, scripted
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer
from stand_ins.ways import WAYS, Way

OPTIONS = TransferOptions(total_timeout_s=PATIENCE_S, connect_timeout_s=PATIENCE_S)
HEAD = b"HTTP/1.1 200 OK\r\n"
CODED = HEAD + b"Content-Encoding: gzip\r\n"
CUT = gzip.compress(b"ok")[:-4]
ENDED = {
    "half a field": HEAD + b"X:",
    "a field": HEAD + b"X: y\r\n",
    "a status line": HEAD,
    "half a status line": HEAD[:10],
    "nothing": b"",
    "an interim one": b"HTTP/1.1 103 Hints\r\n\r\n",
    "another protocol": b"SSH-2.0-x\r\n",
    "half a body": HEAD + b"Content-Length: 5\r\n\r\nab",
    "no chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "half a coding": CODED + b"\r\n" + CUT,
}
KEPT = {"half a coding": CODED + b"Content-Length: %d\r\n\r\n" % len(CUT) + CUT, "whole": OK}

each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.__name__))


def answering_first(data: bytes, ends: bool) -> Callable[[Peer], None]:
    def behave(peer: Peer) -> None:
        while peer.request():
            is_first = len(peer.server.requests) == 1
            peer.send(data if is_first else OK)
            if is_first and ends:
                return

    return behave


def post(url: str, options: TransferOptions) -> Request:
    return Request("POST", url, body=b"pay=1", options=options)


def end(peer: Peer) -> None:
    with contextlib.suppress(OSError):  # the client was faster
        peer.socket.shutdown(socket.SHUT_RDWR)


@each_way
@pytest.mark.parametrize("what", ENDED)
def test_one_that_ended_is_not_used_again(backend: Backend, way: Way, what: str) -> None:
    options = TransferOptions(total_timeout_s=PATIENCE_S, decompress="coding" in what)
    with RawServer(answering_first(ENDED[what], ends=True)) as server:
        assert isinstance(way(backend, post(server.url, options)), TransferError)
        for _ in range(2):
            assert isinstance(way(backend, post(server.url, options)), Response)
        assert len(server.requests) == 3


@each_way
@pytest.mark.parametrize("what", KEPT)
def test_one_that_ends_later_is_seen_to(backend: Backend, way: Way, what: str) -> None:
    options = TransferOptions(total_timeout_s=PATIENCE_S, decompress=what != "whole")
    peers: list[Peer] = []

    def behave(peer: Peer) -> None:
        peers.append(peer)
        answering_first(KEPT[what], ends=False)(peer)

    with RawServer(behave) as server:
        assert isinstance(way(backend, post(server.url, options)), Response) == (what == "whole")
        end(peers[0])
        assert isinstance(way(backend, post(server.url, options)), Response)
        assert len(server.requests) == 2


@each_way
@pytest.mark.parametrize("what", ["reset", "answered"])
def test_so_is_one_of_http_2(way: Way, what: str) -> None:
    """Of the engine: the double cannot see it."""
    backend = PycurlBackend()
    options = TransferOptions(
        total_timeout_s=PATIENCE_S, http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE
    )
    peers: list[Peer] = []

    def script(stream: Stream) -> None:
        peers.append(stream.peer)
        if what == "reset" and len(peers) == 1:
            stream.reset(2)
        else:
            stream.answer()

    with scripted(script) as server:
        first = way(backend, post(server.url, options))
        assert isinstance(first, Response) == (what == "answered")
        end(peers[0])
        assert isinstance(way(backend, post(server.url, options)), Response)
        assert len(server.requests) == 2
    backend.close()
