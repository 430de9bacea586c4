"""What the double cannot say as the engine does: a row of docs/testing.md each, no more."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onehttp_backends.contract import Auth, AuthScheme, HttpVersion, Request, TransferOptions
from onehttp_backends.errors import Sent, TransferError
from onehttp_backends.registry import load
from servers.multiplexing.scripted_http2 import Stream, answering_at_once, scripted
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer, answering
from stand_ins.both_engines import Told, challenging, leading_to, on_both, through_both

PAGE = Path(__file__).parents[3] / "docs" / "testing.md"
FOLLOWING = TransferOptions(max_redirects=3)
NONCE = b'Digest realm="r", nonce="abc", qop="auth"'


def of_answer(data: bytes) -> Callable[[], tuple[Told, Told]]:
    return lambda: on_both(lambda: answering(data))


def of_location(location: bytes) -> Callable[[], tuple[Told, Told]]:
    return lambda: on_both(lambda: leading_to(location), options=FOLLOWING)


def of_http_1_0(peer: Peer) -> None:
    while peer.request():
        peer.send(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")


def of_refusals() -> tuple[Told, Told]:
    options = TransferOptions(auth=Auth(schemes=AuthScheme.DIGEST, username="u", secret="p"))
    return on_both(lambda: challenging(*[[NONCE]] * 4), options=options, times=3)


def of_http2_that_has_ended() -> tuple[Told, Told]:
    """The second of two POSTs, where the server has ended the connection in between."""
    options = TransferOptions(http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE)

    def told(name: str) -> Told:
        peers: list[Peer] = []

        def script(stream: Stream) -> None:
            peers.append(stream.peer)
            stream.answer()

        engine = load(name)()
        try:
            with scripted(script) as server:
                request = Request("POST", server.url, body=b"1", options=options)
                engine.perform(request)
                peers[0].socket.shutdown(socket.SHUT_RDWR)
                return (engine.perform(request).status,)
        except TransferError as error:
            return (type(error).__name__,)
        finally:
            engine.close()

    return told("pycurl"), told("httpx")


def of_an_early_end() -> tuple[Told, Told]:
    """A body without a length, of a stream that is reset in good order before its end."""

    def script(stream: Stream) -> None:
        stream.http2.send_headers(stream.number, [(":status", "200")])
        stream.http2.send_data(stream.number, b"o")
        stream.reset(0)

    def told(name: str) -> Told:
        with scripted(script) as server:
            return over_http2(name, Request("GET", server.url))

    return told("pycurl"), told("httpx")


def of_frames(data: bytes, limit_s: float) -> Callable[[], tuple[Told, Told]]:
    """Raw ones in answer over HTTP/2; ``limit_s`` is the double's."""

    def script(stream: Stream) -> None:
        stream.flush()
        stream.peer.send(data)

    def told(name: str, limit_s: float) -> Told:
        with scripted(script) as server:
            return over_http2(name, Request("GET", server.url, total_timeout_s=limit_s))

    return lambda: (told("pycurl", PATIENCE_S), told("httpx", limit_s))


def of_an_early_answer() -> tuple[Told, Told]:
    """To a body that its server wants no more of."""

    def told(name: str, limit_s: float) -> Told:
        with RawServer(answering_at_once(0)) as server:
            body = b"x" * 300_000
            return over_http2(name, Request("POST", server.url, body=body, total_timeout_s=limit_s))

    return told("pycurl", PATIENCE_S), told("httpx", 0.5)


def over_http2(name: str, request: Request) -> Told:
    options = TransferOptions(http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE)
    engine = load(name)()
    try:
        response = engine.perform(request._replace(options=options))
        return ((response.status, response.body),)
    except TransferError as error:
        return ((type(error).__name__, error.code, error.sent),)
    finally:
        engine.close()


def of_refused_streams() -> tuple[Told, Told]:
    """How often a request arrives that is left out each time."""

    def told(name: str) -> Told:
        with scripted(lambda stream: stream.go_away(0)) as server:
            over_http2(name, Request("POST", server.url, body=b"1"))
            return (len(server.requests),)

    return told("pycurl"), told("httpx")


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">IBI", len(payload) << 8 | kind, flags, stream) + payload


def errors(told: Told) -> Any:
    """Class and code, or status and body."""
    found: Any = told[0]
    return found[:2]


ROWS: dict[str, tuple[Callable[[], tuple[Told, Told]], Callable[[Told], Any], Any, Any]] = {
    "an empty header in a request": (
        lambda: on_both(lambda: answering(OK), headers=(("X-B", ""),)),
        lambda told: re.findall(rb"X-B:.*", told[1]),  # type: ignore[call-overload]
        [b"X-B:\r"],
        [b"X-B: \r"],
    ),
    "the third call with a digest, after two were refused": (
        of_refusals,
        lambda told: [each[0] for each in told[:3]],  # type: ignore[index]
        [401, 401, 200],
        [401, 401, 401],
    ),
    "after a response with HTTP/1.0": (
        lambda: on_both(lambda: of_http_1_0, times=2),
        lambda told: [each.split(b"\r")[0][-8:] for each in told[2:]],  # type: ignore[attr-defined]
        [b"HTTP/1.1", b"HTTP/1.0"],
        [b"HTTP/1.1", b"HTTP/1.1"],
    ),
    "a URL of more than 64 KiB, through a proxy": (
        lambda: through_both(answering(OK), f"http://a.example/{'a' * 70_000}"),
        errors,
        (200, b"ok"),
        ("RequestError", 3),
    ),
    "a POST over HTTP/2, after the server has closed the idle connection": (
        of_http2_that_has_ended,
        lambda told: told[0],
        200,
        "DisconnectedError",
    ),
    "a response over HTTP/2, sent before the server has read a large body (`NO_ERROR`)": (
        of_an_early_answer,
        lambda told: told[0][0] == 413,  # type: ignore[index]
        True,
        False,
    ),
    "a response over HTTP/2 without a length, whose stream is reset with `NO_ERROR`": (
        of_an_early_end,
        errors,
        (200, b"o"),
        ("DisconnectedError", 18),
    ),
    "text of HTTP/1 on an HTTP/2 connection, or a stream that a server must not open": (
        of_frames(frame(1, 5, 2, b"\x88"), 0.5),
        errors,
        ("ProtocolError", 16),
        ("TimeoutError", 28),
    ),
    "an HTTP/2 window update of 0 for a stream": (
        of_frames(frame(8, 0, 1, bytes(4)), PATIENCE_S),
        errors,
        ("ProtocolError", 92),
        ("ProtocolError", 16),
    ),
    "an HTTP/2 `CONTINUATION` without a head before it": (
        of_frames(frame(9, 4, 1, b"\x88"), PATIENCE_S),
        lambda told: told[0],
        ("ProtocolError", 16, Sent.MAYBE),
        ("ProtocolError", 16, Sent.YES),
    ),
    "an HTTP/2 head that is interrupted by another frame": (
        of_frames(frame(1, 0, 1, b"\x88") + frame(6, 0, 0, bytes(8)), PATIENCE_S),
        lambda told: told[0],
        ("ProtocolError", 16, Sent.YES),
        ("ProtocolError", 16, Sent.MAYBE),
    ),
    "an HTTP/2 stream that depends on itself": (
        of_frames(frame(1, 0x25, 1, struct.pack(">IB", 1, 0) + b"\x88"), PATIENCE_S),
        errors,
        (200, b""),
        ("ProtocolError", 16),
    ),
    "an HTTP/2 GOAWAY with an error, which leaves out a stream that has an interim response": (
        of_frames(
            frame(1, 4, 1, b"\x08\x03103") + frame(7, 0, 0, struct.pack(">II", 0, 2)), PATIENCE_S
        ),
        errors,
        ("ProtocolError", 92),
        ("DisconnectedError", 56),
    ),
    "an HTTP/2 stream that is refused each time (also by a GOAWAY that leaves out all)": (
        of_refused_streams,
        lambda told: told[0],
        3,
        2,
    ),
    "the engine's redirect to `http:/x`": (
        of_location(b"http:/x"),
        errors,
        ("ResolveError", 6),
        (200, b"ok"),
    ),
    "the engine's redirect to `http://user:password@host/`": (
        of_location(b"http://u:p@127.0.0.1:9/"),
        errors,
        ("ConnectError", 7),
        ("RequestError", 3),
    ),
    "the engine's redirect to `#fragment`": (
        of_location(b"#f"),
        lambda told: told[0][4],  # type: ignore[index]
        "/d/e?q=1#f",
        "/d/e?q=1",
    ),
}


@pytest.mark.parametrize("what", ROWS)
def test_a_difference(what: str) -> None:
    ask, part, of_engine, of_double = ROWS[what]
    engine, double = ask()
    assert (part(engine), part(double)) == (of_engine, of_double)


def test_the_page_has_every_difference_and_no_other() -> None:
    section = PAGE.read_text().partition("## How the double differs")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*?) \| .* \| .* \|$", section, re.MULTILINE)
    assert rows[1:] == list(ROWS)
