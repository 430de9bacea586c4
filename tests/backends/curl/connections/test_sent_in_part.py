"""What libcurl does not count of a request that has gone out in part."""

from __future__ import annotations

import os
import queue
import socket
import threading

import pytest

from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.engine import single_transfer
from onehttp_backends.curl.sockets import SocketWatch
from onehttp_backends.errors import CancelledError, DisconnectedError, Sent
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer
from stand_ins.driving.links import Ground
from stand_ins.ways import blocking


@pytest.mark.skipif(
    str(single_transfer.__file__).endswith(".so"),
    reason="NOT TESTED: what is compiled calls its own methods, not what a test puts there",
)
@pytest.mark.parametrize("is_cancelled", [False, True])
@pytest.mark.parametrize("is_kept", [False, True])
def test_over_tls_it_may_have_been_read(
    backend: PycurlBackend,
    is_kept: bool,
    is_cancelled: bool,
    ground: Ground,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 64 KiB that it gives to TLS at a time, the server reads the first records."""
    opened = SocketWatch.note_opened

    def opened_small(watch: SocketWatch, fd: int) -> None:
        opened(watch, fd)
        with socket.socket(fileno=os.dup(fd)) as made:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    has_read, may_end = threading.Event(), threading.Event()

    def behave(peer: Peer) -> None:
        if is_kept and peer.number == 1 and peer.request():
            peer.send(OK)
        read_bytes = 0
        while read_bytes <= 16_384:
            if not (piece := peer.socket.recv(16_384)):
                return  # a connection that was not used
            read_bytes += len(piece)
        has_read.set()
        may_end.wait(PATIENCE_S)
        peer.reset()

    monkeypatch.setattr(SocketWatch, "note_opened", opened_small)
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    with RawServer(behave, ground.tls, receive_buffer_bytes=2048) as server:
        if is_kept:
            get = Request("GET", server.url, options=ground.options)
            assert isinstance(blocking(backend, get), Response)
        post = Request("POST", server.url, (), bytes(60_000), ground.options)
        transfer = backend.submit(post, outcomes.put)
        assert has_read.wait(PATIENCE_S)
        if is_cancelled:
            transfer.cancel()
        else:
            may_end.set()
        outcome = outcomes.get(timeout=PATIENCE_S)
        may_end.set()
    assert isinstance(outcome, CancelledError if is_cancelled else DisconnectedError)
    assert outcome.sent is Sent.MAYBE
