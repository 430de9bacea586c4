"""A stream of HTTP/2 that the server resets when it has begun to answer, or has answered."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator

import pytest
import trustme

from conftest import server_context
from onehttp_backends.contract import Backend, HttpVersion, Request, Response, TransferOptions
from onehttp_backends.errors import CurlCode, DisconnectedError, Sent
from onehttp_backends.optional.streaming import Streaming
from onehttp_backends.registry import load
from servers.multiplexing.payments import CANCEL, INTERNAL, NEEDS_HTTP_1_1
from servers.multiplexing.scripted_http2 import Stream, answering_at_once, scripted
from servers.raw import RawServer
from stand_ins.pieces import in_pieces

_NO_ERROR = 0


@pytest.fixture(params=["pycurl", "httpx"])
def engine(request: pytest.FixtureRequest) -> Iterator[Backend]:
    backend = load(request.param)()
    yield backend
    backend.close()


@pytest.fixture
def both_versions(authority: trustme.CA) -> ssl.SSLContext:
    context = server_context(authority, "127.0.0.1")
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def hints(stream: Stream) -> None:
    stream.http2.send_headers(stream.number, [(":status", "103")])


def head(stream: Stream) -> None:
    stream.http2.send_headers(stream.number, [(":status", "200")])


def part(stream: Stream) -> None:
    head(stream)
    stream.http2.send_data(stream.number, b"first ")


@pytest.mark.parametrize("begin", [hints, head, part])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_that_has_begun_is_not_asked_for_again(
    engine: Backend,
    begin: Callable[[Stream], None],
    method: str,
    both_versions: ssl.SSLContext,
    trusting: TransferOptions,
) -> None:
    """By HTTP/1.1, as libcurl does it: two answers would be one, and a POST done twice."""

    def script(stream: Stream) -> None:
        begin(stream)
        stream.reset(NEEDS_HTTP_1_1)

    with scripted(script, both_versions) as server:
        body = b"x" if method == "POST" else None
        with pytest.raises(DisconnectedError) as caught:
            engine.perform(Request(method, server.url, body=body, options=trusting))
        assert (caught.value.code, caught.value.sent) == (CurlCode.RECV_ERROR, Sent.YES)
        assert len(server.requests) == 1


@pytest.mark.parametrize("code", [_NO_ERROR, CANCEL, INTERNAL])
@pytest.mark.parametrize("size", [0, 10, 60_000, 300_000])
def test_a_whole_answer_is_one_whatever_the_server_says_of_the_request(
    engine: Backend, code: int, size: int
) -> None:
    """The double stops at a part of a request: docs/testing.md."""
    if size > 10 and not type(engine).__module__.startswith("onehttp_backends.curl"):
        pytest.skip("the double stops at a part of a request that its server does not take")
    options = TransferOptions(http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE)
    with RawServer(answering_at_once(code)) as server:
        request = Request("POST", server.url, body=b"x" * size, options=options)
        assert isinstance(engine, Streaming)
        for response in (engine.perform(request), in_pieces(engine, request)):
            assert isinstance(response, Response)
            assert (response.status, response.body) == (413, b"no")
        assert len(server.requests) == 2
