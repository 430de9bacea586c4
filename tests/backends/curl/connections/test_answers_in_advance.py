"""A response that the server sends unasked, in a record of TLS behind the one before: the TLS
library reads both, and the second one waits there for the next request."""

from __future__ import annotations

import queue
import socket
import threading
from dataclasses import replace

import pytest

from onehttp_backends.contract import Outcome, Proxy, Request, Response
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import DisconnectedError, Sent, TransferError
from onehttp_backends.optional.streaming import Opening, StreamLimits
from servers.patience import PATIENCE_S
from servers.proxies import OPENED
from servers.raw import OK, Peer, RawServer
from stand_ins.driving.links import Ground
from stand_ins.ways import awaited, blocking, called_back

STRAY = {
    "whole": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nSTRAY",
    "without a body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early Hints\r\nX: STRAY\r\n\r\n",
}


def body_of(outcome: Outcome) -> bytes | TransferError:
    return outcome.body if isinstance(outcome, Response) else outcome


def streamed(backend: PycurlBackend, request: Request) -> bytes | TransferError:
    try:
        opened = backend.open(Opening(request, StreamLimits(PATIENCE_S)))
        return b"".join(b"".join(pieces) for pieces in iter(opened.take, []))
    except TransferError as error:
        return error


WAYS = {
    "blocking": lambda *call: body_of(blocking(*call)),
    "awaited": lambda *call: body_of(awaited(*call)),
    "called back": lambda *call: body_of(called_back(*call)),
    "streamed": streamed,
}


class Server:
    """Answers ``/first`` twice, and ``/held`` when it is told to."""

    def __init__(self, ground: Ground, stray: bytes, is_tunnel: bool) -> None:
        self.may_answer = threading.Event()
        self.holds = threading.Semaphore(0)
        self._ground = ground
        self._stray = stray
        self.raw = RawServer(
            self._open if is_tunnel else self._serve, None if is_tunnel else ground.tls
        )
        self.url = "https://127.0.0.1:9" if is_tunnel else self.raw.url
        self.options = ground.options
        if is_tunnel:
            self.options = replace(ground.options, proxy=Proxy(url=self.raw.url))

    def _open(self, peer: Peer) -> None:
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += peer.socket.recv(65536)
        peer.send(OPENED)
        with self._ground.tls.wrap_socket(peer.socket, server_side=True) as peer.socket:
            self._serve(peer)

    def _serve(self, peer: Peer) -> None:
        while request := peer.request():
            if b"/held" in request:
                self.holds.release()
                self.may_answer.wait(PATIENCE_S)
            corked = int(b"/first" in request)
            peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, corked)
            peer.send(OK)
            if corked:
                peer.send(self._stray)
                peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
                if self._stray != STRAY["interim"]:  # behind which the real one is waited for
                    peer.wait_for_close()  # taken in the same moment, it would hide the stray one
                    return


@pytest.mark.parametrize("is_tunnel", [False, True], ids=["direct", "through a tunnel"])
@pytest.mark.parametrize("neighbours", [0, 2])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("stray", STRAY.values(), ids=STRAY)
@pytest.mark.parametrize("way", WAYS)
def test_is_not_the_answer_to_the_next_request(
    backend: PycurlBackend,
    way: str,
    stray: bytes,
    method: str,
    neighbours: int,
    is_tunnel: bool,
    ground: Ground,
) -> None:
    call = WAYS[way]
    server = Server(ground, stray, is_tunnel)
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    with server.raw:
        for _ in range(neighbours):
            backend.submit(
                Request("GET", f"{server.url}/held", options=server.options), outcomes.put
            )
            assert server.holds.acquire(timeout=PATIENCE_S)
        assert call(backend, Request("GET", f"{server.url}/first", options=server.options)) == b"ok"
        body = b"pay" if method == "POST" else None
        found = call(backend, Request(method, f"{server.url}/pay", (), body, server.options))
        if isinstance(found, TransferError):
            assert method == "POST"
            assert isinstance(found, DisconnectedError)
            assert found.sent is Sent.MAYBE
        else:
            assert found == b"ok"
        server.may_answer.set()
        for _ in range(neighbours):
            assert body_of(outcomes.get(timeout=PATIENCE_S)) == b"ok"
