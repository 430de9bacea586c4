"""Any URL and any bytes in answer: a response or a typed error, and an engine that goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onehttp.urls import ascii_url
from onehttp_backends.contract import Backend, Request, Response, TransferOptions
from onehttp_backends.errors import RequestError, TransferError
from onehttp_backends.registry import load
from onehttp_backends.rules.request_rules import check_url
from servers.raw import Peer, RawServer
from stand_ins.ways import blocking

UNPACKED = TransferOptions(decompress=True, max_body_bytes=100_000)
FINISH = 30.0


class Answering:
    """An engine, and a server that sends what it is told, once, and closes."""

    def __init__(self, name: str) -> None:
        self.backend: Backend = load(name)()
        self.data = b""
        self.server = RawServer(self._behave)

    def _behave(self, peer: Peer) -> None:
        if peer.request():
            peer.send(self.data)
        self.server.requests.clear()

    def ask(self, data: bytes) -> Response | TransferError:
        self.data = data
        request = Request("GET", self.server.url, options=UNPACKED, total_timeout_s=FINISH)
        return blocking(self.backend, request)


@pytest.fixture(scope="module", params=["pycurl", "httpx"])
def answering(request: pytest.FixtureRequest) -> Iterator[Answering]:
    made = Answering(request.param)
    with made.server:
        yield made
        made.backend.close()


SIZES = st.one_of(
    st.integers(0, 40).map(lambda number: b"%x" % number),
    st.sampled_from([b"", b"-1", b"0x1", b" 2", b"2 ", b"fffffffff", b"+1", b"2;a=b", b"\xff"]),
)
CHUNKS = st.lists(st.tuples(SIZES, st.binary(max_size=40)), max_size=4).map(
    lambda chunks: b"".join(b"%s\r\n%s\r\n" % chunk for chunk in chunks)
)
HEADERS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"Content-Length: 3",
                b"Content-Length: 99999999999999999999",
                b"Transfer-Encoding: gzip, chunked",
                b"Content-Encoding: gzip",
                b"Connection: close",
                b"Location: //",
                b" folded",
            ]
        ),
        st.binary(max_size=20),
    ),
    max_size=3,
)


@given(chunks=CHUNKS, end=st.sampled_from([b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"", b"0\r\n"]))
@example(chunks=b"2;" + b"x" * 5000, end=b"")
@example(chunks=b"7fffffffffffffff\r\nab", end=b"")
def test_any_chunks(answering: Answering, chunks: bytes, end: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    outcome = answering.ask(head + chunks + end)
    assert isinstance(outcome, (Response, TransferError))
    assert outcome.__class__ is not RequestError, "it is the server's fault"


@given(status=st.binary(max_size=20), headers=HEADERS, body=st.binary(max_size=40))
@example(status=b"HTTP/1.1 200 OK", headers=[b"Content-Encoding: gzip"], body=b"\x1f\x8b")
@example(status=b"HTTP/1.1 101 Switching", headers=[], body=b"")
def test_any_head(answering: Answering, status: bytes, headers: list[bytes], body: bytes) -> None:
    lines = b"\r\n".join([b"HTTP/1.1 200 OK" if len(status) % 2 else status, *headers])
    outcome = answering.ask(lines + b"\r\n\r\n" + body)
    assert isinstance(outcome, (Response, TransferError))
    assert outcome.__class__ is not RequestError, "it is the server's fault"


@given(url=st.one_of(st.text(max_size=40), st.text(max_size=30).map("http://{}".format)))
@example(url="http://a\uff0fb/")
@example(url="http://a\uff03b/")
@example(url="http://[::1%25lo]/")
@example(url="http://a\\b@c/")
def test_any_url(url: str) -> None:
    """What goes out is ASCII without blanks, its host one that nobody reads in two ways."""
    try:
        sent = ascii_url(url)
        origin = check_url(sent)
    except RequestError:
        return
    assert re.fullmatch(r"[!-~]+", sent), sent
    host = (urlsplit(origin).hostname or "").replace("%25", "", 1)  # in front of a zone
    assert not set(host) & set("/\\?#@%"), (url, host)
