"""Answers of HTTP/2 that RFC 9113 does not let be: a typed error, or without what is wrong."""

from __future__ import annotations

import ssl
import struct
from collections.abc import Iterator

import pytest

from onehttp_backends.contract import Backend, Request, TransferOptions
from onehttp_backends.errors import CurlCode, ProtocolError, Sent
from onehttp_backends.registry import load
from servers.multiplexing.scripted_http2 import Stream, scripted

_END_STREAM, _END_HEADERS = 1, 4
_HEADERS = 1
_SPLITTING = ["a\r\nset-cookie: evil=1", "a\nset-cookie: evil=1", "a\rset-cookie: evil=1", "a\0b"]


@pytest.fixture(params=["pycurl", "httpx"])
def engine(request: pytest.FixtureRequest) -> Iterator[Backend]:
    backend = load(request.param)()
    yield backend
    backend.close()


def send_unchecked(stream: Stream, *fields: tuple[str, str]) -> None:
    stream.http2.config.validate_outbound_headers = False
    stream.http2.config.normalize_outbound_headers = False
    stream.http2.send_headers(stream.number, [(":status", "200"), *fields])


@pytest.mark.parametrize("announced", ["0", "1", "3", "99"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_body_of_another_length(
    engine: Backend,
    method: str,
    announced: str,
    h2_server_context: ssl.SSLContext,
    trusting: TransferOptions,
) -> None:
    def script(stream: Stream) -> None:
        send_unchecked(stream, ("content-length", announced))
        stream.flush()
        stream.peer.send(struct.pack(">IBI", 2 << 8, _END_STREAM, stream.number) + b"ok")

    with scripted(script, h2_server_context) as server:
        body = b"x" if method == "POST" else None
        with pytest.raises(ProtocolError) as caught:
            engine.perform(Request(method, server.url, body=body, options=trusting))
        assert (caught.value.code, caught.value.sent) == (CurlCode.HTTP2_STREAM, Sent.YES)
        assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("status", ["200", "404"])
@pytest.mark.parametrize("announced", ["0", "2"])
@pytest.mark.parametrize("ending", ["head", "data", "trailers"])
def test_the_end_before_the_announced_length(
    engine: Backend,
    method: str,
    status: str,
    announced: str,
    ending: str,
    h2_server_context: ssl.SSLContext,
    trusting: TransferOptions,
) -> None:
    def script(stream: Stream) -> None:
        fields = [(":status", status), ("content-length", announced)]
        stream.http2.config.validate_outbound_headers = False
        stream.http2.send_headers(stream.number, fields, end_stream=ending == "head")
        if ending == "data":
            stream.http2.send_data(stream.number, b"", end_stream=True)
        elif ending == "trailers":
            stream.http2.send_headers(stream.number, [("t", "u")], end_stream=True)

    with scripted(script, h2_server_context) as server:
        body = b"x" if method == "POST" else None
        request = Request(method, server.url, body=body, options=trusting)
        if announced == "0" or method == "HEAD":
            assert engine.perform(request).status == int(status)
        else:
            with pytest.raises(ProtocolError) as caught:
                engine.perform(request)
            assert (caught.value.code, caught.value.sent) == (CurlCode.HTTP2_STREAM, Sent.YES)
        assert len(server.requests) == 1


def test_a_head_of_nothing(
    engine: Backend, h2_server_context: ssl.SSLContext, trusting: TransferOptions
) -> None:
    def script(stream: Stream) -> None:
        stream.flush()
        flags = _END_STREAM | _END_HEADERS
        stream.peer.send(struct.pack(">IBI", _HEADERS, flags, stream.number))

    with scripted(script, h2_server_context) as server:
        with pytest.raises(ProtocolError) as caught:
            engine.perform(Request("POST", server.url, body=b"x", options=trusting))
        assert (caught.value.code, caught.value.sent) == (CurlCode.HTTP2_STREAM, Sent.MAYBE)
        assert len(server.requests) == 1


@pytest.mark.parametrize("value", _SPLITTING)
def test_a_field_that_would_be_two(
    engine: Backend,
    value: str,
    h2_server_context: ssl.SSLContext,
    trusting: TransferOptions,
) -> None:
    def script(stream: Stream) -> None:
        send_unchecked(stream, ("x-good", "1"), ("x", value))
        stream.http2.send_data(stream.number, b"ok", end_stream=True)

    with scripted(script, h2_server_context) as server:
        response = engine.perform(Request("GET", server.url, options=trusting))
    assert list(response.headers.items()) == [("x-good", "1")]
