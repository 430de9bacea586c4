"""A status line that is none is no answer, wherever it stands, and both engines say so alike."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable, Iterator

import pytest

from onehttp_backends.contract import Backend, Request, TransferOptions
from onehttp_backends.errors import DisconnectedError, ProtocolError, Sent
from onehttp_backends.headers import parse_head, parse_trailers
from onehttp_backends.optional.streaming import Opening, Streaming, StreamLimits
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer, answering
from stand_ins.both_engines import on_both

HINTS = b"HTTP/1.1 103 Hints\r\n\r\n"
BEFORE = (b"", HINTS)
"""It is the first line, or one behind an interim answer."""
SOUND = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 200",
    b"HTTP/1.1 200 ",
    b"HTTP/1.0 200 O:K",
    b"HTTP/1.1 999",
]
NONE = [
    *(b"HTTP/1.1 1000 X", b"HTTP/1.1 2000 X", b"HTTP/1.1 0200 OK", b"HTTP/1.1 099 X"),
    *(b"HTTP/1.1 000 X", b"HTTP/1.1 99", b"HTTP/1.1 20", b"HTTP/1.1 2 00", b"HTTP/1.1 1xx X"),
    *(b"HTTP/1.1 -20 X", b"HTTP/1.1 20\0 X", b"HTTP/1.1 200 O\0K", b"HTTP/1.1 200 O\rK"),
    *(b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1  200 OK", b"HTTP/1.1\t200 OK", b"HTTP/1.1200 OK"),
    *(b"HTTP/1.2 200 OK", b"HTTP/1 200 OK", b"HTTP/1.10 200 OK", b"HTTP/0.9 200 OK"),
    *(b"HTTP/2 200 OK", b"HTTP/2 200", b"HTTP/2.0 200 OK", b"HTTP/2 2000 OK", b"HTTP/2 100 C"),
    *(b"HTTP/3 200 OK", b"HTTP/3 20", b"HTTP/4 200 OK", b"HTTP/", b"HTTP", b"HT", b"X"),
    *(b"ICY 200 OK", b"http/1.1 200 OK", b" HTTP/1.1 200 OK", b"", b"\r"),
]
AFTER: dict[str, bytes] = {
    "a body": b"\r\nContent-Length: 2\r\n\r\nok",
    "an answer": b"\r\n\r\n" + OK,
    "nothing": b"\r\n",
}


def behind_one_that_was_kept(data: bytes) -> Callable[[Peer], None]:
    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(OK)
        if peer.request():
            peer.send(data)

    return behave


@pytest.mark.parametrize("line", SOUND + NONE)
@pytest.mark.parametrize("is_kept", [False, True])
def test_a_status_line(line: bytes, is_kept: bool) -> None:
    for after, before in itertools.product(AFTER, BEFORE):
        _look_at(line, after, before, is_kept)


def _look_at(line: bytes, after: str, before: bytes, is_kept: bool) -> None:
    data = before + line + AFTER[after]
    behave = behind_one_that_was_kept(data) if is_kept else answering(data)
    engine, double = on_both(lambda: behave, "POST", body=b"x", times=1 + is_kept)
    assert double == engine
    *_, told = engine[: 1 + is_kept]
    assert isinstance(told, tuple)
    if line in SOUND and after != "nothing":
        assert told[0] in (200, 999)
    elif line in NONE:
        sent = Sent.YES if before else Sent.MAYBE
        assert (told[0], told[2]) == ("ProtocolError", sent)
    else:
        assert (told[1], told[2]) == (52, Sent.YES)


@pytest.mark.parametrize("line", NONE)
def test_over_tls(
    line: bytes,
    engine: Backend,
    tls_server_context: ssl.SSLContext,
    trusting: TransferOptions,
) -> None:
    """Where HTTP/2 might have been spoken: none of its lines may come as text."""
    for before in BEFORE:
        data = before + line + AFTER["a body"]
        with RawServer(answering(data), tls_server_context) as server:
            request = Request("POST", server.url, (), b"x", trusting, total_timeout_s=PATIENCE_S)
            with pytest.raises(ProtocolError) as caught:
                engine.perform(request)
            assert caught.value.sent is (Sent.YES if before else Sent.MAYBE), before


@pytest.fixture(params=["pycurl", "httpx"])
def engine(request: pytest.FixtureRequest) -> Iterator[Backend]:
    made = load(request.param)()
    yield made
    made.close()


@pytest.mark.parametrize("line", NONE)
def test_of_a_stream(engine: Backend, line: bytes) -> None:
    for before in BEFORE:
        with RawServer(answering(before + line + AFTER["a body"])) as server:
            request = Request("POST", server.url, body=b"x", total_timeout_s=PATIENCE_S)
            assert isinstance(engine, Streaming)
            with pytest.raises(ProtocolError):
                engine.open(Opening(request, StreamLimits()))


@pytest.mark.parametrize("field", [b"HTTP/1.1 500 X: y", b"HTTP/1.1 302 X: y", b"HTTP/2: 101"])
def test_a_field_of_such_a_name_is_no_status_line(engine: Backend, field: bytes) -> None:
    """Or trailers would stand for the head, and lead elsewhere."""
    other = field + b"\r\nLocation: /x\r\nSet-Cookie: evil=1\r\n"
    head = b"HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n"
    for data in (
        head + b"\r\n2\r\nok\r\n0\r\n" + other + b"\r\n",
        head + other + b"\r\n2\r\nok\r\n0\r\n\r\n",
    ):
        for passes_by in (False, True):
            with RawServer(answering(data)) as server:
                request = Request("GET", server.url, total_timeout_s=PATIENCE_S)
                response = engine.perform(request._replace(passes_redirects_by=passes_by))
            assert (response.status, response.body, response.truncated) == (200, b"ok", False)
            assert (response.headers["x"], response.earlier_headers) == ("y", [])
            assert ("set-cookie" in response.headers) is data.endswith(b"0\r\n\r\n")


def test_which_lines_begin_heads() -> None:
    digest = [b"HTTP/1.1 401 No\r\n", b"A: 1\r\n", b"\r\n", b"T: 2\r\n"]
    last = [b"HTTP/1.1 500 Error of b\r\n", b"B: 3\r\n", b"\r\n", b"HTTP/1.1 200: 4\r\n"]
    interim = [b"HTTP/1.1 100 a: b\r\n", b"\r\n", b"HTTP/1.1 200 c: d\r\n", b"\r\n"]
    assert [dict(headers) for _, headers in parse_head(digest + last)] == [{"A": "1"}, {"B": "3"}]
    assert dict(parse_trailers(digest + last)) == {"HTTP/1.1 200": "4"}
    assert [reason for reason, _ in parse_head(interim)] == ["a: b", "c: d"]


@pytest.mark.parametrize("ending", ["its end", "a reset"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_has_begun_with_its_status_line(
    engine: Backend, ending: str, method: str
) -> None:
    """However it ends before its head is whole, on a kept connection too: it is not asked again."""

    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(OK)
        if peer.request():
            peer.send(b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Le")
            if ending == "a reset":
                peer.reset()

    with RawServer(behave) as server:
        body = b"x" if method == "POST" else None
        request = Request(method, server.url, body=body, total_timeout_s=PATIENCE_S)
        engine.perform(request)
        with pytest.raises(DisconnectedError) as caught:
            engine.perform(request)
        assert caught.value.sent is Sent.YES
        assert len(server.requests) == 2
