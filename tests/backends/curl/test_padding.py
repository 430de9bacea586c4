"""What comes beside an answer ends it, and what comes with one, or waits for it, does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pycurl
import pytest

from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.receiving.padding import MOST_BYTES, Padding
from onehttp_backends.errors import CurlCode, Sent, TransferError
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer
from stand_ins.ways import WAYS, Way

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PATIENT = TransferOptions(total_timeout_s=PATIENCE_S, max_body_bytes=0)


@pytest.fixture
def engine() -> Iterator[PycurlBackend]:
    made = PycurlBackend()
    yield made
    made.close()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.__name__))
@pytest.mark.parametrize(
    "start", [b"2;", b"2\r\nok\r\n2;a=", b"2 "], ids=["first", "later", "blanks"]
)
def test_a_chunk_line_without_end(engine: PycurlBackend, way: Way, start: bytes) -> None:
    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(CHUNKED + start)
        while True:
            peer.send(b" " * 4096)

    with RawServer(behave) as server:
        error = way(engine, Request("GET", server.url, options=PATIENT))
    assert isinstance(error, TransferError)
    assert (error.code, error.sent) == (CurlCode.RECV_ERROR, Sent.YES), repr(error)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.__name__))
def test_chunks_of_one_byte_are_an_answer(engine: PycurlBackend, way: Way) -> None:
    """Six bytes on the wire for each."""
    count = MOST_BYTES

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(CHUNKED)
        for _ in range(count // 1024):
            peer.send(b"1\r\nx\r\n" * 1024)
        peer.send(b"0\r\n\r\n")

    with RawServer(behave) as server:
        response = way(engine, Request("GET", server.url, options=PATIENT))
    assert isinstance(response, Response)
    assert len(response.body) == count


def test_what_waits_for_a_transfer_that_has_paused_is_not_too_much() -> None:
    """The kernel takes megabytes meanwhile."""
    sent = threading.Event()

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (4 * MOST_BYTES))
        peer.send(b"x" * 2 * MOST_BYTES)
        sent.set()
        peer.wait_for_close()

    multi, easy = pycurl.CurlMulti(), pycurl.Curl()
    head: list[bytes] = []
    easy.setopt(pycurl.HEADERFUNCTION, head.append)
    easy.setopt(pycurl.WRITEFUNCTION, lambda _chunk: pycurl.WRITEFUNC_PAUSE)
    easy.setopt(pycurl.BUFFERSIZE, 16 * 1024)
    padding = Padding(easy, head)
    with RawServer(behave) as server:
        easy.setopt(pycurl.URL, server.url)
        multi.add_handle(easy)
        while not head or head[-1] != b"\r\n":
            multi.perform()
            multi.select(0.01)
        assert not padding.is_too_much()
        assert sent.wait(PATIENCE_S)
        for _ in range(20):
            multi.perform()
            assert not padding.is_too_much()
        multi.remove_handle(easy)
        easy.close()
        multi.close()
