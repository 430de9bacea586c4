"""A connection of HTTP/2 that the server breaks, and then says nothing: known at once.

libcurl tells the server so, and its caller only when it next looks at the transfer.
"""

from __future__ import annotations

import ssl
import struct
from collections.abc import Callable, Iterator

import pytest

from onehttp_backends.contract import Backend, HttpVersion, Outcome, Request, TransferOptions
from onehttp_backends.errors import CurlCode, ProtocolError
from onehttp_backends.optional.streaming import Streaming
from onehttp_backends.registry import load
from servers.multiplexing.scripted_http2 import Stream, head, nothing, part, scripted
from servers.patience import PATIENCE_S
from stand_ins.pieces import in_pieces
from stand_ins.ways import WAYS, Way

_DATA = 0


def streamed(backend: Backend, request: Request) -> Outcome:
    """Read piece by piece."""
    assert isinstance(backend, Streaming)
    return in_pieces(backend, request)


@pytest.fixture(params=["pycurl", "httpx"])
def engine(request: pytest.FixtureRequest) -> Iterator[Backend]:
    backend = load(request.param)()
    yield backend
    backend.close()


@pytest.mark.parametrize("is_kept", [False, True], ids=["a new one", "a kept one"])
@pytest.mark.parametrize("begin", [nothing, head, part])
@pytest.mark.parametrize("way", [*WAYS, streamed], ids=lambda way: str(way.__name__))
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_is_known_at_once(
    engine: Backend,
    way: Way,
    begin: Callable[[Stream], None],
    is_kept: bool,
    scheme: str,
    h2_server_context: ssl.SSLContext,
    trusting: TransferOptions,
) -> None:
    def script(stream: Stream) -> None:
        if stream.target == b"/first":
            stream.answer()
            return
        begin(stream)
        stream.flush()
        stream.peer.send(struct.pack(">IBI", 1 << 8 | _DATA, 0, 0) + b"x")  # a body of no stream

    is_plain = scheme == "http"
    options = TransferOptions(
        tls=trusting.tls,
        http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE if is_plain else HttpVersion.AUTO,
        total_timeout_s=PATIENCE_S,
        connect_timeout_s=PATIENCE_S,
    )
    with scripted(script, None if is_plain else h2_server_context) as server:
        if is_kept:
            engine.perform(Request("GET", f"{server.url}/first", options=options))
        outcome = way(engine, Request("POST", f"{server.url}/", body=b"x", options=options))
        assert isinstance(outcome, ProtocolError)
        assert outcome.code == CurlCode.HTTP2
