"""What is believed of an answer: a whole head, HTTP, and codings that can be taken off."""

from __future__ import annotations

import asyncio
import gzip
import queue
import re
import zlib

import pytest

from onehttp_backends.codings.decoder import known
from onehttp_backends.contract import Backend, Outcome, Request, Response, TransferOptions
from onehttp_backends.errors import (
    CurlCode,
    DisconnectedError,
    Phase,
    ProtocolError,
    Sent,
    TooLargeError,
    TransferError,
)
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer, answering

STATUS = b"HTTP/1.1 200 OK\r\n"
OF_CHUNKS = STATUS + b"Transfer-Encoding: chunked\r\n"
UNPACKED = TransferOptions(decompress=True)
PACKED = gzip.compress(b"some text", mtime=0)
PACKED_BY_A_LIBRARY = {
    "br": b"\x0b\x04\x80some text\x03",
    "zstd": b"(\xb5/\xfd \tI\x00\x00some text",
}


def coded(coding: bytes, body: bytes) -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    return STATUS + b"Content-Encoding: " + coding + b"\r\n" + length + b"\r\n" + body


def answered(
    backend: Backend, answer: bytes, options: TransferOptions, way: str = "perform"
) -> Outcome:
    with RawServer(answering(answer)) as server:
        request = Request("GET", server.url, options=options)
        if way == "submit":
            outcomes: queue.Queue[Outcome] = queue.Queue()
            backend.submit(request, outcomes.put)
            return outcomes.get(timeout=PATIENCE_S)
        try:
            if way == "aperform":
                return asyncio.run(_answered(backend, request))
            return backend.perform(request)
        except TransferError as error:
            return error


async def _answered(backend: Backend, request: Request) -> Response:
    return await backend.aperform(request)


@pytest.mark.parametrize("way", ["perform", "aperform", "submit"])
@pytest.mark.parametrize("reuse", [True, False])
def test_every_way_of_calling_finds_the_fault(backend: Backend, way: str, reuse: bool) -> None:
    options = TransferOptions(decompress=True, reuse=reuse, max_redirects=0 if reuse else 3)
    for answer, code in ((STATUS, 52), (b"SSH/2.0\r\n\r\n", 1), (coded(b"gzip", PACKED[:-3]), 61)):
        outcome = answered(backend, answer, options, way)
        assert isinstance(outcome, TransferError)
        assert outcome.code == code
    assert backend.stats().failed == 3


@pytest.mark.parametrize(
    "answer",
    [
        STATUS,
        STATUS + b"Content-Le",
        STATUS + b"Content-Type: text/plain\r\n",
        STATUS + b"Content-Length: 0\r\nX-Result: acc",
        STATUS + b"Content-Length: 0\r\n\r",
        STATUS + b"Content-Length: 5\r\nX-",
        STATUS + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n",
        STATUS + b"Transfer-Encoding: chunked\r\nX-",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.0 200 OK\nContent-Length: 0\n",
    ],
)
def test_a_head_without_its_end_is_no_answer(backend: Backend, answer: bytes) -> None:
    error = answered(backend, answer, TransferOptions())
    assert isinstance(error, DisconnectedError)
    sent = Sent.YES if b"\n" in answer else Sent.MAYBE
    assert (error.code, error.sent) == (CurlCode.GOT_NOTHING, sent)


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b"HTTP/1.1 2",
        STATUS,
        STATUS + b"Content-Length: 0\r\n",
        STATUS + b"Content-Length: 5\r\n",
    ],
)
def test_who_has_begun_to_answer_has_the_request(backend: Backend, rest: bytes) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    error = answered(backend, hints + rest, TransferOptions())
    assert isinstance(error, DisconnectedError)
    assert (error.code, error.sent) == (CurlCode.GOT_NOTHING, Sent.YES)
    assert error.phase is Phase.BODY


@pytest.mark.parametrize(
    "answer",
    [
        OF_CHUNKS + b"\r\n2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        STATUS + b"X-Long: " + b"a" * 50_000 + b"\r\n\r\nok",
        b"HTTP/1.1 100 Continue\r\n\r\n" + STATUS + b"\r\nok",
    ],
)
def test_a_head_with_its_end_is_one(backend: Backend, answer: bytes) -> None:
    response = answered(backend, answer, TransferOptions())
    assert isinstance(response, Response)
    assert response.body == b"ok"


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"220 mail.example ESMTP\r\n",
        b"<html>",
        b"\x15\x03\x01\x00\x02\x02\x0a",
        b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.7 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
        b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
    ],
)
def test_what_is_no_http_is_the_servers_fault(backend: Backend, answer: bytes) -> None:
    """Of a `RequestError` neither retry nor failover nor a breaker would take notice."""
    error = answered(backend, answer, TransferOptions())
    assert isinstance(error, ProtocolError)
    assert (error.code, error.sent) == (CurlCode.UNSUPPORTED_PROTOCOL, Sent.MAYBE)


@pytest.mark.parametrize(
    "head",
    [
        STATUS + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        STATUS + b"Content-Length: 200\r\nTransfer-Encoding: chunked\r\n",
        STATUS + b"content-length: 3\r\nTRANSFER-ENCODING:chunked\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n",
        b"HTTP/1.1 103 H\r\n\r\nHTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
        b"Transfer-Encoding: chunked\r\n",
    ],
)
def test_chunks_where_others_see_none_are_read_and_the_connection_is_given_up(
    backend: Backend, head: bytes
) -> None:
    def ambiguous(peer: Peer) -> None:
        while peer.request():
            peer.send(head + b"\r\n3\r\nabc\r\n0\r\n\r\n")

    with RawServer(ambiguous) as server:
        for number in range(1, 4):
            response = backend.perform(Request("POST", server.url, body=b"x"))
            assert (response.body, response.is_reused) == (b"abc", False)
            asyncio.run(_answered(backend, Request("POST", server.url, body=b"x")))
            assert (server.connections, len(server.requests)) == (2 * number, 2 * number)


@pytest.mark.parametrize(
    ("coding", "body", "found", "is_unpacked"),
    [
        (b"gzip", PACKED, b"some text", True),
        (b"x-gzip", PACKED, b"some text", True),
        (b"GZIP", PACKED, b"some text", True),
        (b"gzip", gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0), b"onetwo", True),
        (b"gzip", PACKED + bytes(7), b"some text", True),
        (b"gzip, gzip", gzip.compress(PACKED, mtime=0), b"some text", True),
        (b"deflate", zlib.compress(b"some text"), b"some text", True),
        (b"deflate", zlib.compress(b"some text")[2:-4], b"some text", True),
        (b"gzip", b"", b"", True),
        (b"identity", b"as it is", b"as it is", False),
        (b"compress", b"unknown", b"unknown", False),
        (b"gzip, compress", PACKED, PACKED, False),
    ],
)
def test_codings_that_are_known_are_taken_off(
    backend: Backend, coding: bytes, body: bytes, found: bytes, is_unpacked: bool
) -> None:
    response = answered(backend, coded(coding, body), UNPACKED)
    assert isinstance(response, Response)
    assert (response.body, response.decompress) == (found, is_unpacked)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"gzip", PACKED[:-1]),
        (b"gzip", PACKED[:6]),
        (b"gzip", PACKED + b"more"),
        (b"gzip", PACKED + PACKED[:-2]),
        (b"gzip", PACKED[:-8] + bytes(8)),
        (b"gzip", b"plain text"),
        (b"gzip, gzip", PACKED),
        (b"deflate", zlib.compress(b"some text")[:-1]),
        (b", ".join([b"gzip"] * 6), PACKED),
    ],
)
def test_a_coding_that_is_not_what_it_says_is_an_error(
    backend: Backend, coding: bytes, body: bytes
) -> None:
    error = answered(backend, coded(coding, body), UNPACKED)
    assert isinstance(error, ProtocolError)
    assert (error.code, error.sent) == (CurlCode.BAD_CONTENT_ENCODING, Sent.YES)


@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_codings_of_a_library_are_asked_for_and_taken_off_where_it_is(
    backend: Backend, coding: str
) -> None:
    def answer(peer: Peer) -> None:
        peer.request()
        peer.send(coded(coding.encode(), PACKED_BY_A_LIBRARY[coding]))

    with RawServer(answer) as server:
        response = backend.perform(Request("GET", server.url, options=UNPACKED))
        (asked,) = re.findall(rb"(?i)accept-encoding: ([^\r]*)", server.requests[0])
    if coding in known():
        assert (response.body, response.decompress) == (b"some text", True)
    else:
        assert (response.body, response.decompress) == (PACKED_BY_A_LIBRARY[coding], False)
    assert (coding in asked.decode().split(", ")) is (coding in known())


def test_codings_stay_unless_asked(backend: Backend) -> None:
    response = answered(backend, coded(b"gzip", PACKED), TransferOptions())
    assert isinstance(response, Response)
    assert (response.body, response.decompress) == (PACKED, False)


def test_what_is_unpacked_is_what_has_a_limit(backend: Backend) -> None:
    bomb = coded(b"gzip", gzip.compress(bytes(5_000_000)))
    fits = coded(b"gzip", gzip.compress(b"x" * 1000))
    limited = TransferOptions(decompress=True, max_body_bytes=1000)
    assert isinstance(answered(backend, fits, limited), Response)
    assert isinstance(answered(backend, bomb, limited), TooLargeError)
    cut = TransferOptions(decompress=True, max_body_bytes=1000, body_policy="truncate")
    response = answered(backend, bomb, cut)
    assert isinstance(response, Response)
    assert (response.body, response.truncated) == (bytes(1000), True)


REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: /there\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        REDIRECT + b"\r\n",
        REDIRECT + b"\r\nmoved",
        REDIRECT + b"Content-Length: 20000000\r\n\r\nmoved",
        REDIRECT + b"Content-Length: 500\r\n\r\nmoved",
        REDIRECT + b"Transfer-Encoding: chunked\r\n\r\n5\r\nmoved\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + REDIRECT + b"\r\n",
        b"HTTP/1.1 308 Moved\nLOCATION:/there\n\n",
    ],
)
@pytest.mark.parametrize(
    "options", [TransferOptions(), UNPACKED, TransferOptions(body_policy="truncate")]
)
def test_the_body_of_a_redirect_that_is_followed_is_not_waited_for(
    backend: Backend, answer: bytes, options: TransferOptions
) -> None:
    def redirecting(peer: Peer) -> None:
        while b"/start" in peer.request():
            peer.send(answer)
            peer.server.release.wait(PATIENCE_S)
        peer.send(STATUS + b"Content-Length: 5\r\n\r\nthere")

    with RawServer(redirecting) as server:
        start = Request(
            "GET", f"{server.url}/start", (), None, options, PATIENCE_S, passes_redirects_by=True
        )
        response = backend.perform(start)
        assert (response.status in (302, 308), response.headers["location"]) == (True, "/there")
        for passes_by in (True, False):  # what is no redirect is read whole, on the same handle
            there = start._replace(url=f"{server.url}/there", passes_redirects_by=passes_by)
            assert backend.perform(there).body == b"there"


def test_a_redirect_with_a_small_body_keeps_its_connection() -> None:
    def redirecting(peer: Peer) -> None:
        while peer.request():
            peer.send(REDIRECT + b"Content-Length: 5\r\n\r\nmoved")

    engine = load("pycurl")()
    with RawServer(redirecting) as server:
        for _ in range(3):
            engine.perform(Request("GET", server.url, passes_redirects_by=True))
        assert server.connections == 1
    engine.close()


def test_the_limit_of_a_body_holds_where_redirects_are_followed(backend: Backend) -> None:
    large = STATUS + b"Content-Length: 5000\r\n\r\n" + bytes(5000)
    for policy, found in (("fail", TooLargeError), ("truncate", Response)):
        options = TransferOptions(max_body_bytes=1000, body_policy=policy)  # type: ignore[arg-type]
        with RawServer(answering(large)) as server:
            request = Request("GET", server.url, options=options, passes_redirects_by=True)
            try:
                outcome: Outcome = backend.perform(request)
            except TransferError as error:
                outcome = error
        assert isinstance(outcome, found)
