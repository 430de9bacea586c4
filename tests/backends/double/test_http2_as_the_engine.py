"""Over HTTP/2, too, the double says what the engine says: of fields, heads and trailers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from onehttp_backends.contract import Backend, HttpVersion, Request, TransferOptions
from onehttp_backends.errors import TransferError
from onehttp_backends.registry import load
from servers.multiplexing.scripted_http2 import Stream, scripted
from servers.patience import PATIENCE_S

OPTIONS = TransferOptions(
    http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE,
    total_timeout_s=PATIENCE_S,
    connect_timeout_s=PATIENCE_S,
)
Fields = list[tuple[str, str]]
OK: Fields = [(":status", "200")]
REFUSED, CANCEL = 7, 8


@dataclass(frozen=True)
class Answer:
    """Heads, a body, and what comes behind it."""

    heads: list[Fields]
    body: bytes | None = b"ok"
    trailers: Fields | None = None
    reset: int | None = None

    def __call__(self, stream: Stream) -> None:
        http2, number = stream.http2, stream.number
        http2.config.validate_outbound_headers = http2.config.normalize_outbound_headers = False
        for fields in self.heads:
            is_last = fields is self.heads[-1] and self.body is None and self.reset is None
            http2.send_headers(number, fields, end_stream=is_last)
        if self.reset is not None:
            stream.reset(self.reset)
        elif self.body is not None:
            http2.send_data(number, self.body, end_stream=self.trailers is None)
            if self.trailers is not None:
                http2.send_headers(number, self.trailers, end_stream=True)


def of_field(name: str, value: str = "1") -> Answer:
    return Answer([[*OK, ("x", "y"), (name, value), ("z", "1")]])


def of_status(*written: str) -> Answer:
    return Answer([[(":status", status) for status in written]])


HINTS: Fields = [(":status", "103"), ("link", "x")]
ANSWERS: dict[str, Callable[[Stream], None]] = {
    "as it should be": Answer([[*OK, ("content-length", "2")]]),
    "no body": Answer([OK], None),
    "an empty body": Answer([OK], b""),
    "an interim one first": Answer([HINTS, OK]),
    "two interim ones first": Answer([HINTS, [(":status", "100")], OK]),
    "trailers": Answer([OK], trailers=[("x-t", "1")]),
    "a status in trailers": Answer([OK], trailers=[(":status", "500")]),
    "a coding in trailers": Answer([OK], trailers=[("transfer-encoding", "chunked")]),
    "no status": Answer([[("x", "1")]]),
    "a late status": Answer([[("x", "1"), *OK]]),
    "a status twice": of_status("200", "500"),
    **{
        f"status {status!r}": of_status(status)
        for status in ("600", "99", "0200", "+20", " 200", "2 0", "101", "1000", "abc", "")
    },
    "a body of 204": of_status("204"),
    "a body of 304": of_status("304"),
    "a pseudo-field of requests": of_field(":path", "/"),
    "an unknown pseudo-field": of_field(":x"),
    "capitals": of_field("X-Up"),
    **{
        f"{name} of a connection": of_field(name)
        for name in ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")
    },
    "te: gzip": of_field("te", "gzip"),
    "te: trailers": of_field("te", "trailers"),
    "a length in words": of_field("content-length", "two"),
    "two lengths": Answer([[*OK, ("content-length", "2"), ("content-length", "2")]]),
    **{f"the name {name!r}": of_field(name) for name in ("x y", "", "x_y", "\xe9", "x\0", "x:y")},
    **{
        f"the value {value!r}": of_field("x", value)
        for value in (" a\t", "a\tb", "voil\xe0", "a\x01", "a\x7f", "a\0b", "a\r\nb: c", "")
    },
    "a field thrice": Answer([[*OK, *[("set-cookie", f"{number}=1") for number in range(3)]]]),
    "refused": Answer([], reset=REFUSED),
    "refused behind an interim one": Answer([HINTS], reset=REFUSED),
    "refused behind its head": Answer([OK], reset=REFUSED),
    "cancelled behind an interim one": Answer([HINTS], reset=CANCEL),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer(what: str, method: str) -> None:
    def told(name: str) -> object:
        engine = load(name)()
        try:
            with scripted(ANSWERS[what]) as server:
                outcome = asked(engine, method, server.url)
                return outcome, what == "refused" or len(server.requests)
        finally:
            engine.close()

    assert told("httpx") == told("pycurl")


def asked(engine: Backend, method: str, url: str) -> object:
    request = Request(method, url, body=b"x" if method == "POST" else None, options=OPTIONS)
    try:
        response = engine.perform(request)
    except TransferError as error:
        return type(error), error.code, error.sent, error.phase
    return response.status, response.body, response.head, response.http_version


@pytest.mark.parametrize("way", ["one after the other", "beside others"])
def test_what_is_wrong_with_one_stream_is_not_with_the_next(way: str) -> None:
    def script(stream: Stream) -> None:
        bad = stream.target == b"/bad"
        (of_field("connection") if bad else Answer([OK]))(stream)

    double = load("httpx")()
    try:
        with scripted(script) as server:
            paths = ("good", "bad", "good") if way == "one after the other" else ("bad", "good")
            found = [asked(double, "GET", f"{server.url}/{path}") for path in paths]
    finally:
        double.close()
    assert [outcome[0] == 200 for outcome in found] == [path == "good" for path in paths]  # type: ignore[index]
