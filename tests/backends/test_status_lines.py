"""Status lines: what one says is what libcurl says, and no more of them is kept than is said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp_backends.contract import Request
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.rules.status_lines import MAX_REMEMBERED, MAX_REMEMBERED_BYTES, StatusLines
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer

LAST = [b"Server: x\r\n", b"\r\n"]
INTERIM = [b"HTTP/1.1 103 Early Hints\r\n", b"\r\n"]


@pytest.mark.parametrize(
    ("is_http1", "head", "expected"),
    [
        (True, [b"HTTP/1.1 200 OK\r\n", *LAST], (200, "1.1")),
        (True, [b"HTTP/1.0 404\r\n", *LAST], (404, "1.0")),
        (False, [b"HTTP/2 204 \r\n", *LAST], (204, "2")),
        (False, [b"HTTP/3 500 \r\n", *LAST], (500, "3")),
        (True, [b"HTTP/2 204 \r\n", *LAST], None),
        (False, [b"HTTP/2 204\r\n", *LAST], None),
        (False, [b"HTTP/3 204 OK\r\n", *LAST], None),
        (False, [b"HTTP/1.5 200 OK\r\n", *LAST], None),
        (True, [b"HTTP/1.1 2000 OK\r\n", *LAST], None),
        (True, [b"ICY 200 OK\r\n", *LAST], None),
        (True, [*INTERIM, b"HTTP/1.1 200 OK\r\n", *LAST], None),
        (True, [b"HTTP/1.1 200 OK\r\n", *LAST, b"Digest: x\r\n"], None),
        (True, [b"HTTP/1.1 200 OK\r\n", *LAST, b"Digest: x\r\n", b"\r\n"], None),
        (True, [b"HTTP/1.1 200 OK\r\n", b"Server: x\r\n"], None),
        (True, [b"HTTP/1.1 200 OK\n", b"\n"], None),
        (True, [b"\r\n"], None),
        (True, [], None),
    ],
)
def test_what_a_head_says(
    is_http1: bool, head: list[bytes], expected: tuple[int, str] | None
) -> None:
    lines = StatusLines(is_http1)
    assert [lines.of_only_head(head), lines.of_only_head(head)] == [expected, expected]


def test_however_many_a_server_sends_few_are_remembered_and_none_that_is_long() -> None:
    lines = StatusLines(is_http1=True)
    for number in range(3 * MAX_REMEMBERED):
        assert lines.of_only_head([b"HTTP/1.1 200 %d\r\n" % number, b"\r\n"]) == (200, "1.1")
    assert len(lines.remembered) <= MAX_REMEMBERED
    lines = StatusLines(is_http1=True)
    assert lines.of_only_head([b"HTTP/1.1 200 %s\r\n" % bytes(MAX_REMEMBERED_BYTES), b"\r\n"]) == (
        200,
        "1.1",
    )
    assert not lines.remembered


class Asked:
    """An engine, and a server whose answer begins as it is told."""

    def __init__(self) -> None:
        self.backend = PycurlBackend()
        self.head = b""
        self.server = RawServer(self._answer)

    def _answer(self, peer: Peer) -> None:
        while peer.request():
            peer.send(self.head + b"Content-Length: 2\r\n\r\nok")


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    made = Asked()
    with made.server:
        yield made
        made.backend.close()


@given(
    version=st.sampled_from(["1.0", "1.1"]),
    status=st.integers(200, 599).filter(lambda status: status not in (204, 304)),
    reason=st.sampled_from([b"", b" ", b" OK", b" 404", b" HTTP/1.0 500"]),
    interim=st.sampled_from([b"", b"HTTP/1.1 103 Early\r\n\r\n"]),
)
def test_a_response_has_what_its_last_status_line_says(
    asked: Asked, version: str, status: int, reason: bytes, interim: bytes
) -> None:
    asked.head = b"%sHTTP/%s %d%s\r\n" % (interim, version.encode(), status, reason)
    request = Request("GET", asked.server.url, total_timeout_s=PATIENCE_S)
    response = asked.backend.perform(request)
    assert (response.status, response.http_version, response.body) == (status, version, b"ok")
