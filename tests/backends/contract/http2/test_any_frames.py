"""Any frames of HTTP/2 in answer: a response or a typed error, and an engine that goes on."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onehttp_backends.contract import (
    Backend,
    HttpVersion,
    Outcome,
    Request,
    Response,
    TransferOptions,
)
from onehttp_backends.errors import RequestError, TransferError
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer
from stand_ins.ways import blocking

OPTIONS = TransferOptions(
    http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE,
    max_body_bytes=100_000,
    total_timeout_s=PATIENCE_S,
    connect_timeout_s=PATIENCE_S,
)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, *range(3, 10)
OK = b"\x88"  # :status 200, as HPACK has it
HEAD = 9


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">IBI", len(payload) << 8 | kind, flags, stream) + payload


WHOLE = frame(HEADERS, 4, 1, OK) + frame(DATA, 1, 1, b"ok")
NUMBERS = st.one_of(st.sampled_from([0, 1, 2**31 - 1, 2**31, 2**32 - 1]), st.integers(0, 2**32 - 1))
PAYLOADS = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([OK, b"\x08\x03103", OK + b"\x00\x01a\x01b", b"\x00\x0acontent-length\x019"]),
    NUMBERS.map(lambda number: struct.pack(">I", number)),
    st.tuples(st.integers(0, 9), NUMBERS).map(lambda pair: struct.pack(">HI", *pair)),
    st.tuples(NUMBERS, NUMBERS).map(lambda pair: struct.pack(">II", *pair)),
)
FRAMES = st.builds(
    frame,
    st.one_of(st.integers(0, 9), st.integers(0, 255)),
    st.one_of(st.sampled_from([0, 1, 4, 5, 8, 32]), st.integers(0, 255)),
    st.sampled_from([0, 1, 1, 1, 2, 3, 99]),
    PAYLOADS,
)
STORMS = st.tuples(FRAMES, st.sampled_from([1, 1, 1, 3, 2000])).map(lambda pair: pair[0] * pair[1])


class Answering:
    """An engine, and a server that answers the first request with what it is told."""

    def __init__(self, name: str) -> None:
        self.backend: Backend = load(name)()
        self.data = b""
        self.server = RawServer(self._behave)

    def _behave(self, peer: Peer) -> None:
        came = b""
        while not _has_request(came):
            if not (more := peer.socket.recv(65536)):
                return
            came += more
        peer.send(frame(SETTINGS, 0, 0, b"") + frame(SETTINGS, 1, 0, b"") + self.data)
        peer.hang_up()
        peer.wait_for_close()

    def ask(self, data: bytes) -> Outcome:
        self.data = data
        return blocking(self.backend, Request("GET", self.server.url, options=OPTIONS))


def _has_request(came: bytes) -> bool:
    rest = came[len(PREFACE) :]
    while len(rest) >= HEAD:
        if rest[3] == HEADERS:
            return True
        rest = rest[HEAD + int.from_bytes(rest[:3], "big") :]
    return False


@pytest.fixture(scope="module", params=["pycurl", "httpx"])
def answering(request: pytest.FixtureRequest) -> Iterator[Answering]:
    made = Answering(request.param)
    with made.server:
        yield made
        made.backend.close()


@given(storms=st.lists(STORMS, max_size=6), is_whole=st.booleans())
@example(storms=[frame(PING, 0, 0, b"12345678") * 20_000], is_whole=True)
@example(storms=[frame(SETTINGS, 0, 0, b"") * 20_000], is_whole=True)
@example(storms=[frame(WINDOW, 0, 0, b"\0\0\0\1") * 20_000], is_whole=True)
@example(storms=[frame(HEADERS, 0, 1, OK), frame(CONTINUATION, 0, 1, b"\x00\x01a\x01b") * 20_000],
         is_whole=False)  # fmt: skip
@example(storms=[frame(HEADERS, 4, 1, OK), frame(DATA, 0, 1, b"") * 20_000], is_whole=False)
@example(storms=[frame(HEADERS, 4, 1, b"\x08\x03103") * 20_000], is_whole=True)
@example(storms=[frame(PUSH, 4, 1, b"\0\0\0\2\x82\x86\x84\x41\x01a")], is_whole=True)
@example(storms=[frame(RESET, 0, 1, bytes(4))] * 3, is_whole=True)
@example(storms=[frame(GOAWAY, 0, 0, bytes(8))] * 3, is_whole=True)
def test_any_frames(answering: Answering, storms: list[bytes], is_whole: bool) -> None:
    outcome = answering.ask(b"".join(storms) + (WHOLE if is_whole else b""))
    assert isinstance(outcome, (Response, TransferError))
    assert outcome.__class__ is not RequestError, "it is the server's fault"
    following = answering.ask(WHOLE)
    assert isinstance(following, Response)
    assert following.body == b"ok"
