"""An answer that ends anywhere leaves nothing in the handle that another call would use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from onehttp_backends.contract import Request, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import TransferError
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer

NEXT = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\tagain\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 103 E\r\nX: a\r\n folded\r\n\r\nHTTP/1.1 200 OK\n folded\nContent-Length: 0\n\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nT: u\r\n folded\r\n\r\n",
    b"HTTP/1.1 302 X\r\nLocation: /next\r\n folded\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 401 X\r\nWWW-Authenticate: Basic\r\n realm=x\r\nContent-Length: 0\r\n\r\n",
]
OPTIONS = [
    TransferOptions(),
    TransferOptions(max_redirects=3),
    TransferOptions(as_libcurl=True),
    TransferOptions(max_body_bytes=1, body_policy="truncate", decompress=True),
]


@pytest.fixture
def engine() -> Iterator[PycurlBackend]:
    made = PycurlBackend()
    yield made
    made.close()


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "redirects", "as libcurl", "truncated"])
@pytest.mark.parametrize("answer", ANSWERS, ids=["folded", "interim", "trailer", "moved", "denied"])
def test_the_call_after_an_answer_that_is_cut_anywhere_gets_its_own(
    engine: PycurlBackend, answer: bytes, options: TransferOptions
) -> None:
    data = b""

    def behave(peer: Peer) -> None:
        while request := peer.request():
            if b" /cut " not in request:
                peer.send(NEXT)
                continue
            peer.send(data)
            peer.hang_up()
            peer.wait_for_close()
            return

    with RawServer(behave) as server:

        def told(method: str, path: str) -> bytes | None:
            request = Request(
                method, server.url + path, (), None, options, total_timeout_s=PATIENCE_S
            )
            try:
                return engine.perform(request).body
            except TransferError:
                return None

        whole = told("GET", "/next")
        for end in range(1, len(answer) + 1):
            data = answer[:end]
            told("POST", "/cut")
            assert told("GET", "/next") == whole, f"after {data!r}"
