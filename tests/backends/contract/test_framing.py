"""A request ends where its headers say, on every backend, or it is not sent."""

from __future__ import annotations

import asyncio

import pytest

from onehttp_backends.contract import Backend, Outcome, Request, Response
from onehttp_backends.errors import RequestError, Sent
from servers.raw import OK, Peer, RawServer, keep_answering

BODY = b"helloGET /smuggled HTTP/1.1\r\nX: "


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([("Content-Length", "5")], BODY),
        ([("content-length", str(len(BODY) + 1))], BODY),
        ([("Content-Length", f"0{len(BODY)}")], BODY),
        ([("Content-Length", f"+{len(BODY)}")], BODY),
        ([("Content-Length", f"{len(BODY)}, {len(BODY)}")], BODY),
        ([("Content-Length", "0x20")], BODY),
        ([("Content-Length", "-1")], BODY),
        ([("Content-Length", "5"), ("Content-Length", str(len(BODY)))], BODY),
        ([("Content-Length", str(len(BODY)))] * 2, BODY),
        ([("Content-Length", "")], BODY),
        ([("Content-Length", " \t")], BODY),
        ([("Content-Length", "5")], None),
        ([("Content-Length", "5")], b""),
        ([("Transfer-Encoding", "chunked"), ("Content-Length", str(len(BODY)))], BODY),
        ([("Transfer-Encoding", "chunked")], None),
        ([("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")], BODY),
        ([("Transfer-Encoding", "gzip, chunked")], BODY),
        ([("Transfer-Encoding", "identity")], BODY),
        ([("Transfer-Encoding", "xchunked")], BODY),
        ([("Transfer-Encoding", "chunked,")], BODY),
        ([("Host", "a"), ("host", "b")], None),
        ([("Host", "a"), ("Host", "a")], None),
        ([("Host", "")], None),
        ([("Host", " ")], None),
        ([("Host", "a b")], None),
        ([("Host", "a/b")], None),
        ([("Host", "u:p@a")], None),
        ([("Host", "a,b")], None),
        ([("Connection", "Content-Length")], BODY),
        ([("connection", "keep-alive,\tcontent-LENGTH , x")], BODY),
        ([("Connection", "close"), ("Connection", "transfer-encoding")], BODY),
        ([("Connection", "Host")], None),
        ([("X-Bell", "a\x07")], None),
        ([("X-Delete", "a\x7f")], None),
    ],
    ids=repr,
)
def test_what_could_be_read_in_two_ways_is_refused(
    backend: Backend, headers: list[tuple[str, str]], body: bytes | None
) -> None:
    with RawServer(keep_answering) as server:
        with pytest.raises(RequestError) as caught:
            backend.perform(Request("POST", server.url, tuple(headers), body))
        assert caught.value.sent is Sent.NO
        assert server.connections == 0


@pytest.mark.parametrize(
    ("headers", "body", "lines"),
    [
        ([("Content-Length", "5")], b"hello", ["content-length: 5"]),
        ([("Content-Length", " 5\t")], b"hello", ["content-length: 5"]),
        ([("Content-Length", "0")], b"", ["content-length: 0"]),
        ([("Host", "other.example:81")], None, ["host: other.example:81"]),
        ([("X-Blank", " \t ")], None, ["x-blank:"]),
        ([("X-Empty", "")], None, ["x-empty:"]),
        ([("X-Padded", "  a b\t")], None, ["x-padded: a b"]),
        ([("X-Two", "1"), ("X-Two", "2")], None, ["x-two: 1", "x-two: 2"]),
        ([("Connection", "X-Hop"), ("X-Hop", "1")], b"a", ["x-hop: 1", "connection: X-Hop"]),
        ([("Connection", "TE"), ("TE", "trailers")], None, ["te: trailers", "connection: TE"]),
        ([("Connection", "X-Content-Length")], b"a", ["connection: X-Content-Length"]),
        ([("X-Tab", "a\tb")], None, ["x-tab: a\tb"]),
        ([("X-Text", "é")], None, ["x-text: é"]),
    ],
    ids=repr,
)
def test_what_can_be_read_in_one_way_is_sent_so(
    backend: Backend, headers: list[tuple[str, str]], body: bytes | None, lines: list[str]
) -> None:
    method = "GET" if body is None else "POST"
    with RawServer(keep_answering) as server:
        backend.perform(Request(method, server.url, tuple(headers), body))
        head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    names = {line.partition(":")[0] for line in lines}
    found = [line.strip() for line in head.decode().split("\r\n")[1:]]
    lowered = [f"{name.lower()}:{rest}" for name, _, rest in (f.partition(":") for f in found)]
    assert [line for line in lowered if line.partition(":")[0] in names] == lines
    assert sent == (body or b"")


def test_a_chunked_body_is_sent_in_chunks(backend: Backend) -> None:
    seen: list[bytes] = []

    def read_chunked(peer: Peer) -> None:
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            data += peer.socket.recv(65536)
        seen.append(data)
        peer.send(OK)

    chunked = (("Transfer-Encoding", "chunked"),)
    with RawServer(read_chunked) as server:
        assert backend.perform(Request("POST", server.url, chunked, b"hello")).status == 200
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert body == b"5\r\nhello\r\n0\r\n\r\n"
    assert b"content-length" not in head.lower()


def test_the_same_headers_are_checked_against_each_body(backend: Backend) -> None:
    five = (("Content-Length", "5"),)
    with RawServer(keep_answering) as server:
        backend.perform(Request("POST", server.url, five, b"hello"))
        with pytest.raises(RequestError):
            backend.perform(Request("POST", server.url, five, b"hello world"))
        assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close", "close , TE"])
def test_a_callers_connection_close_closes(backend: Backend, value: str) -> None:
    closing = (("Connection", value),)
    with RawServer(keep_answering) as server:
        for _ in range(3):
            assert not backend.perform(Request("GET", server.url, closing)).is_reused
        assert server.connections == 3
        # And the others go on as before.
        backend.perform(Request("GET", server.url))
        assert backend.perform(Request("GET", server.url)).is_reused


def test_what_is_closed_on_request_loses_nothing(backend: Backend) -> None:
    def close_as_asked(peer: Peer) -> None:
        if peer.request():
            peer.send(OK)

    closing = (("Connection", "close"),)
    with RawServer(close_as_asked) as server:
        for _ in range(30):
            backend.perform(Request("POST", server.url, closing, b"x"))
        assert len(server.requests) == 30


@pytest.mark.parametrize("header", [("Content-Length", "1"), ("Connection", "Content-Length")])
def test_every_way_of_calling_checks_the_framing(backend: Backend, header: tuple[str, str]) -> None:
    outcomes: list[Outcome] = []
    short = (header,)
    with RawServer(keep_answering) as server:
        request = Request("POST", server.url, short, b"hello")
        with pytest.raises(RequestError):
            asyncio.run(backend.aperform(request))
        with pytest.raises(RequestError):
            backend.submit(request, outcomes.append)
        assert server.connections == 0
    assert not any(isinstance(outcome, Response) for outcome in outcomes)
