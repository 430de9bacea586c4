"""An answer is judged alike whether or not the one before it had the same head."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.shelf import MAX_PLAIN_HEAD_BYTES
from onehttp_backends.errors import TransferError
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer
from stand_ins.ways import Way, blocking, called_back

PATIENT = TransferOptions(total_timeout_s=PATIENCE_S)
LENGTH = b"Content-Length: 2\r\n\r\nok"
LONG = b"X-Long: %s\r\n" % (b"a" * MAX_PLAIN_HEAD_BYTES)
ANSWERS = (
    b"HTTP/1.1 200 OK\r\n" + LENGTH,
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + LENGTH,
    b"HTTP/1.1 201 OK\r\n" + LENGTH,
    b"HTTP/1.1 200 OK\r\nX-Seen: 1\r\n" + LENGTH,
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + LENGTH,
    b"HTTP/1.1 200 OK\r\n" + LONG + LENGTH,
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + LENGTH,
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: none\r\n\r\n",
    b"HTTP/2.7 200 OK\r\n" + LENGTH,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + LENGTH[:-2] + b"2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Behind: 1\r\n\r\n",
)
Judged = tuple[object, ...]


@pytest.fixture
def server() -> Iterator[RawServer]:
    def answer(peer: Peer) -> None:
        while request := peer.request():
            answered = ANSWERS[int(request.split()[1][1:])]
            peer.send(answered)
            if b"Connection: close" in answered:
                return

    with RawServer(answer) as running:
        yield running


def judged(engine: PycurlBackend, way: Way, server: RawServer, number: int) -> tuple[Judged, bool]:
    """What came of a request, and whether it was sent on a connection that existed before."""
    outcome = way(engine, Request("GET", f"{server.url}/{number}", options=PATIENT))
    if isinstance(outcome, TransferError):
        return (outcome.code, str(outcome)), False
    assert isinstance(outcome, Response)
    trailers = outcome.trailers.pairs
    return (outcome.status, outcome.http_version, outcome.head, outcome.body, trailers), (
        outcome.is_reused
    )


@pytest.mark.parametrize("way", [blocking, called_back])
def test_a_head_like_the_last_changes_no_judgement(server: RawServer, way: Way) -> None:
    expected: list[Judged] = []
    is_kept: list[bool] = []
    for number in range(len(ANSWERS)):
        engine = PycurlBackend()
        expected.append(judged(engine, way, server, number)[0])
        is_kept.append(judged(engine, way, server, 0)[1])
        engine.close()
    assert True in is_kept
    assert False in is_kept
    for one, other in itertools.product(range(len(ANSWERS)), repeat=2):
        engine = PycurlBackend()
        before: int | None = None
        for number in (one, one, other, one, other, other):
            outcome, is_reused = judged(engine, way, server, number)
            assert outcome == expected[number]
            if isinstance(outcome[0], int) and len(outcome) > 2:
                assert is_reused == (before is not None and is_kept[before])
            before = number
        engine.close()


@pytest.mark.usefixtures("nobody_observes")
@pytest.mark.parametrize("reuse", [True, False])
def test_a_repeated_request_changes_no_judgement(server: RawServer, reuse: bool) -> None:
    """Neither what comes of it, nor what is counted, where the body alone is returned."""
    options = dataclasses.replace(PATIENT, reuse=reuse)
    count_alone = 0
    for one, other in itertools.product(range(len(ANSWERS)), repeat=2):
        plain, engine = PycurlBackend(), PycurlBackend()
        requests = {
            number: Request("GET", f"{server.url}/{number}", options=options)
            for number in (one, other)
        }
        repeated = {number: engine.repeated(request) for number, request in requests.items()}
        for number in (one, one, other, one, one, other, other):
            expected: object = plain_outcome(plain.perform, requests[number])
            found = plain_outcome(lambda _: repeated[number].perform(), requests[number])  # noqa: B023
            if isinstance(found, Response):
                found = told_of(found)
            elif isinstance(found[1], Response):
                count_alone += 1
                body, like = found
                found = (*told_of(like)[:-1], body)
            if isinstance(expected, Response):
                expected = told_of(expected)
            assert found == expected
        assert engine.stats() == plain.stats()
        plain.close()
        engine.close()
    assert count_alone > len(ANSWERS) ** 2  # as often as the usual answers follow each other


def plain_outcome(
    perform: Callable[[Request], Response | tuple[bytes, Response]], request: Request
) -> Response | tuple[Any, ...]:
    try:
        return perform(request)
    except TransferError as error:
        return (error.code, str(error))


def told_of(response: Response) -> tuple[object, ...]:
    return response.status, response.http_version, response.head, response.url, response.body
