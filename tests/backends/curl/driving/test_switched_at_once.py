"""A 101 that libcurl reads in the step in which it has sent the request, without an event."""

from __future__ import annotations

import select
from collections.abc import Iterator

import pycurl
import pytest

from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import DisconnectedError
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer
from stand_ins.ways import Way, awaited, blocking, called_back

PATIENT = TransferOptions(total_timeout_s=10 * PATIENCE_S)
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"


@pytest.fixture
def engine() -> Iterator[PycurlBackend]:
    made = PycurlBackend()
    yield made
    made.close()


def answer_then_switch(peer: Peer) -> None:
    if peer.request():
        peer.send(OK)
    if peer.request():
        peer.send(SWITCHING)
        peer.wait_for_close()


@pytest.mark.parametrize("way", [blocking, awaited, called_back])
def test_a_101_that_comes_without_an_event_is_seen(engine: PycurlBackend, way: Way) -> None:
    def wait_for_answer(kind: int, _text: bytes) -> None:
        if kind == pycurl.INFOTYPE_HEADER_OUT:
            arrived.append(bool(poller.poll(1000 * PATIENCE_S)))

    arrived: list[bool] = []
    with RawServer(answer_then_switch) as server:
        request = Request("GET", server.url, options=PATIENT)
        assert isinstance(way(engine, request), Response)
        core = engine._start().engine
        (kept,) = core.watch.open_sockets()
        poller = select.poll()
        poller.register(kept.fd, select.POLLIN)
        handle = core.pool.take(PATIENT, server.url)
        handle.easy.setopt(pycurl.DEBUGFUNCTION, wait_for_answer)
        handle.easy.setopt(pycurl.VERBOSE, 1)
        handle.shelf.idle.append(handle)
        assert isinstance(way(engine, request), DisconnectedError)
    assert arrived == [True]
