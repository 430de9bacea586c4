"""How connections of HTTP/2 end or go wrong, and when: the double says what the engine says."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from onehttp_backends.contract import Backend, HttpVersion, Request, TransferOptions
from onehttp_backends.errors import TransferError
from onehttp_backends.optional.streaming import Streaming
from onehttp_backends.registry import load
from servers.multiplexing.scripted_http2 import Stream, head, nothing, part, scripted
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer
from stand_ins.pieces import in_pieces
from stand_ins.ways import blocking

OPTIONS = TransferOptions(
    http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE,
    total_timeout_s=PATIENCE_S,
    connect_timeout_s=PATIENCE_S,
)
DATA, HEADERS, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 5, 6, 7, 8
OK = b"\x88"  # :status 200, as HPACK has it
WHOLE, ACK, PADDED = 5, 1, 8  # flags
NO_ERROR, PROTOCOL, INTERNAL, CANCEL, CALM = 0, 1, 2, 8, 11
OURS = -1
NO_HTTP2 = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
Script: TypeAlias = "Callable[[Stream], None]"


def frame(kind: int, flags: int, stream: int, payload: bytes) -> Script:
    """Sends a frame on a stream, or on `OURS`."""

    def send(asked: Stream) -> None:
        number = asked.number if stream == OURS else stream
        asked.peer.send(struct.pack(">IBI", len(payload) << 8 | kind, flags, number) + payload)

    return send


def setting(number: int, value: int) -> Script:
    return frame(SETTINGS, 0, 0, struct.pack(">HI", number, value))


def going_away(code: int) -> Script:
    def go(stream: Stream) -> None:
        stream.go_away(stream.number, code)
        stream.hang_up()

    return go


def reset(code: int) -> Script:
    return lambda stream: stream.reset(code)


def leaving_out(code: int) -> Script:
    return lambda stream: stream.go_away(0, code)


ENDS: dict[str, Script] = {
    "the connection ends": Stream.hang_up,
    **{f"going away, {code}": going_away(code) for code in (NO_ERROR, PROTOCOL, CALM)},
    **{
        f"left out of what goes on, {code}": leaving_out(code)
        for code in (PROTOCOL, INTERNAL, CALM)
    },
    **{f"reset, {code}": reset(code) for code in (INTERNAL, CANCEL)},
    "a body of no stream": frame(DATA, 0, 0, b"x"),
    "a body of an unknown stream": frame(DATA, 0, 99, b"x"),
    "a head of an unknown stream": frame(HEADERS, WHOLE, 99, OK),
    "fields that cannot be read": frame(HEADERS, WHOLE, OURS, b"\xff" * 6),
    "settings of five bytes": frame(SETTINGS, 0, 0, b"12345"),
    "settings of a stream": frame(SETTINGS, 0, OURS, b""),
    "settings confirmed with bytes": frame(SETTINGS, ACK, 0, b"123456"),
    "a window too large": setting(4, 2**31),
    "frames too small": setting(5, 1),
    "a server that wants pushes": setting(2, 1),
    "a window of the connection that grows by nothing": frame(WINDOW, 0, 0, bytes(4)),
    "a window of the connection that overflows": frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff"),
    "a window of the stream that overflows": frame(WINDOW, 0, OURS, b"\x7f\xff\xff\xff"),
    "a window of three bytes": frame(WINDOW, 0, 0, b"123"),
    "a ping of seven bytes": frame(PING, 0, 0, b"1234567"),
    "a ping of a stream": frame(PING, 0, OURS, b"12345678"),
    "a reset of three bytes": frame(RESET, 0, OURS, b"123"),
    "a reset of no stream": frame(RESET, 0, 0, bytes(4)),
    "a short farewell": frame(GOAWAY, 0, 0, b"1234"),
    "the farewell of a stream": frame(GOAWAY, 0, OURS, bytes(8)),
    "a frame too large": frame(DATA, 0, OURS, b"x" * 70_000),
    "the head of a frame too large": lambda stream: stream.peer.send(b"\0\x40\1" + bytes(6)),
    "an answer of HTTP/1.1": lambda stream: stream.peer.send(NO_HTTP2),
    "more padding than there is": frame(DATA, PADDED, OURS, b"\xff12"),
    "a push": frame(PUSH, WHOLE, OURS, struct.pack(">I", 2) + b"\x82\x86\x84\x41\x01a"),
}


def part_of_nine(stream: Stream) -> None:
    stream.http2.send_headers(stream.number, [(":status", "200"), ("content-length", "9")])
    stream.http2.send_data(stream.number, b"part")


def all_of_four(stream: Stream) -> None:
    stream.http2.send_headers(stream.number, [(":status", "200"), ("content-length", "4")])
    stream.http2.send_data(stream.number, b"part")


@pytest.fixture
def both() -> Iterator[tuple[Backend, Backend]]:
    made = load("pycurl")(), load("httpx")()
    yield made
    for engine in made:
        engine.close()


@pytest.mark.parametrize("begin", [nothing, head, part, part_of_nine])
@pytest.mark.parametrize("end", ENDS)
def test_an_answer_that_ends_so(both: tuple[Backend, Backend], begin: Script, end: str) -> None:
    engine, double = (told(each, begin, ENDS[end]) for each in both)
    assert double == engine


@pytest.mark.parametrize("code", [NO_ERROR, INTERNAL, CANCEL])
@pytest.mark.parametrize("way", ["at once", "in pieces"])
def test_a_reset_behind_all_that_was_announced(
    both: tuple[Backend, Backend], code: int, way: str
) -> None:
    expected = 200, b"part", 1
    for each in both:
        assert told(each, all_of_four, reset(code), way == "in pieces") == expected


@pytest.mark.parametrize("way", ["at once", "in pieces"])
def test_a_reset_in_good_order_before_that(both: tuple[Backend, Backend], way: str) -> None:
    engine, double = (
        told(each, part_of_nine, reset(NO_ERROR), way == "in pieces") for each in both
    )
    assert double == engine


def told(engine: Backend, begin: Script, end: Script, is_in_pieces: bool = False) -> object:
    def script(stream: Stream) -> None:
        begin(stream)
        stream.flush()
        end(stream)

    with scripted(script) as server:
        return (*_outcome(engine, server, is_in_pieces), len(server.requests))


def _outcome(engine: Backend, server: RawServer, is_in_pieces: bool) -> tuple[object, ...]:
    request = Request("POST", server.url, body=b"x", options=OPTIONS)
    assert isinstance(engine, Streaming)
    outcome = in_pieces(engine, request) if is_in_pieces else blocking(engine, request)
    if isinstance(outcome, TransferError):
        return type(outcome), outcome.code, outcome.sent, outcome.phase
    return outcome.status, outcome.body


@pytest.mark.parametrize("answer", [NO_HTTP2, NO_HTTP2[:9], b"SSH-2.0-x\r\n", b"\0" * 9])
def test_a_server_that_does_not_speak_it(both: tuple[Backend, Backend], answer: bytes) -> None:
    def answering(peer: Peer) -> None:
        peer.send(answer)
        peer.wait_for_close()

    with RawServer(answering) as server:
        engine, double = (_outcome(each, server, False) for each in both)
    assert double == engine
