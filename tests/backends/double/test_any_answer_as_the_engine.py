"""Whatever a server sends over HTTP/1: both engines believe the same of it, and go on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onehttp_backends.contract import Backend, Request, Response, TransferOptions
from onehttp_backends.errors import RequestError, Sent
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer
from stand_ins.ways import blocking

NEXT = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"
LINES = st.sampled_from(
    [*[b"HTTP/1.1 200 OK"] * 6, b"HTTP/1.0 200 OK", b"HTTP/1.1 204 X", b"HTTP/1.1 304 X",
     b"HTTP/1.1 404", b"HTTP/1.1 302 X", b"HTTP/1.1 2000 X", b"HTTP/1.1 20", b"HTTP/1.2 200 OK",
     b"HTTP/2 200 OK", b"HTTP/1.1 200 O\rK", b"ICY 200 OK", b"HTTP/1.1 099 X", b"HTTP/1.1 101 X"]
)  # fmt: skip
FIELDS = st.sampled_from(
    [b"X: y", b"X : y", b": y", b"X", b" folded", b"X: a\0b", b"X: a\rb", b"X y: z", b"X: \xff",
     b"Connection: close", b"Content-Encoding: gzip", b"Location: /other", b"HTTP/1.1 500 X: y",
     b"Content-Length: 0", b"Content-Length: 2", b"Content-Length: 5", b"Content-Length: 2, 2",
     b"Content-Length: 2x", b"Content-Length: -1", b"Content-Length: 99999999999999999999",
     b"Content-Length:\r\n 2", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity",
     b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: xchunked", b"Transfer-Encoding:"]
)  # fmt: skip
BODIES = st.sampled_from(
    [b"", b"ok", b"hello", b"2\r\nok\r\n0\r\n\r\n", b"2\r\nok\r\n", b"2\r\nok", b"2\r\no",
     b"0\r\n\r\n", b"2;a\r\nok\r\n0\r\nT: u\r\n\r\n", b"2\nok\n0\n\n", b"2x\r\nok\r\n0\r\n\r\n",
     b"2\r\nokx\r\n0\r\n\r\n",
     b"2\r\nok\r\n0\r\nHTTP/1.1 500 X: y\r\nX: z\r\n\r\n", b"2\r\nok\r\n0\r\nbad\r\n\r\n",
     b"fffffffffffffffff\r\nok\r\n", b"2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 EVIL\r\n\r\n"]
)  # fmt: skip
INTERIM = st.sampled_from(
    [b"", b"", b"", b"HTTP/1.1 100 C\r\n\r\n", b"HTTP/1.1 103 E\r\nX: y\r\n\r\n"]
)
OPTIONS = [
    TransferOptions(),
    TransferOptions(decompress=True),
    TransferOptions(max_body_bytes=4),
    TransferOptions(max_body_bytes=4, body_policy="truncate"),
]


class Side:
    """An engine, and a server that sends what it is told."""

    def __init__(self, name: str) -> None:
        self.engine: Backend = load(name)()
        self.pieces: list[bytes] = []
        self.server = RawServer(self._behave)

    def _behave(self, peer: Peer) -> None:
        while request := peer.request():
            if b" /next " in request:
                peer.send(NEXT)
                continue
            for piece in self.pieces:
                peer.send(piece)
            peer.hang_up()
            peer.wait_for_close()
            return

    def told(self, request: Request) -> tuple[object, ...]:
        self.server.requests.clear()
        made = request._replace(url=self.server.url + request.url, total_timeout_s=PATIENCE_S)
        outcome = blocking(self.engine, made)
        seen = len(self.server.requests)
        assert seen == 1 or request.method == "GET", "an unsafe request is sent once"
        if isinstance(outcome, Response):
            return outcome.status, outcome.body, outcome.head, outcome.truncated
        assert not isinstance(outcome, RequestError), "it is the server's fault"
        return (outcome.sent,)


@pytest.fixture(scope="module")
def sides() -> Iterator[list[Side]]:
    made = [Side(name) for name in ("pycurl", "httpx")]
    with made[0].server, made[1].server:
        yield made
        for side in made:
            side.engine.close()


@given(
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    interim=INTERIM,
    line=LINES,
    fields=st.lists(FIELDS, max_size=4),
    body=BODIES,
    cut=st.one_of(st.none(), st.integers(0, 120)),
    split=st.integers(0, 120),
    options=st.sampled_from(OPTIONS),
    passes_by=st.booleans(),
    is_kept=st.booleans(),
)
@example("POST", b"HTTP/1.1 103 E\r\nX: y\r\n\r\n", b"HTTP/1.1 2000 X", [], b"ok", None, 0, OPTIONS[0], False, False)  # fmt: skip # noqa: E501
@example("GET", b"", b"HTTP/1.1 200 OK", [b"X: y", b" z"], b"", 24, 0, OPTIONS[0], False, False)
@example("GET", b"", b"HTTP/1.1 200 OK", [b"X: y"], b"", 20, 0, OPTIONS[0], False, True)
@example("GET", b"", b"HTTP/1.1 200 OK", [b"Transfer-Encoding: identity", b"Content-Length: 2"], b"hello", None, 0, OPTIONS[0], False, False)  # fmt: skip # noqa: E501
def test_any_answer(
    sides: list[Side],
    method: str,
    interim: bytes,
    line: bytes,
    fields: list[bytes],
    body: bytes,
    cut: int | None,
    split: int,
    options: TransferOptions,
    passes_by: bool,
    is_kept: bool,
) -> None:
    data = interim + b"".join(each + b"\r\n" for each in (line, *fields)) + b"\r\n" + body
    data = data[:cut]
    sent = b"x" if method == "POST" else None
    request = Request(method, "/", (), sent, options, passes_redirects_by=passes_by)
    following = Request("GET", "/next", (), None, options)
    told = []
    for side in sides:
        side.pieces = [each for each in (data[:split], data[split:]) if each]
        if is_kept:
            side.told(following)
        told.append(side.told(request))
        assert told[-1][0] is not Sent.NO
        assert side.told(following)[:2] == (200, b"next")
    assert told[1] == told[0]
