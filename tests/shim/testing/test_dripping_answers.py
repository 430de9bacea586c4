"""Answers of the double that come in pieces with pauses: what is told of them, as of a server."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

import onehttp
from onehttp.testing import Double, PolicyClock
from onehttp.testing.process_under_test import ProcessUnderTest
from onehttp_backends.double import HttpxBackend
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer
from stand_ins.connected import one_connection
from stand_ins.streams.telling import WAYS, Told, told

BODY = b"0123456789"
NEVER_S = 10 * PATIENCE_S
"""Longer than anybody waits."""
CHUNKED = {"Transfer-Encoding": "chunked"}
BRIEFLY = {"idle": 1, "total": PATIENCE_S}
PATIENTLY = {"idle": PATIENCE_S / 2, "total": PATIENCE_S}


@dataclass(frozen=True)
class Case:
    """How an answer comes, and by which connection it is asked for."""

    drip: tuple[int, float] = (4, 0.01)
    cut_after: int | None = None
    delay_s: float = 0.0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "GET"
    connection: dict[str, Any] = field(default_factory=dict)
    call: dict[str, Any] = field(default_factory=dict)

    def behave(self, peer: Peer) -> None:
        """Answer the first request as a server does."""
        if not peer.request() or len(peer.server.requests) > 1:
            peer.send(OK)
            return
        is_chunked = bool(self.headers.get("Transfer-Encoding"))
        lines = [f"HTTP/1.1 {self.status} "]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [] if is_chunked else [f"Content-Length: {len(BODY)}"]
        if self._passes(peer, self.delay_s):
            peer.send("\r\n".join([*lines, "", ""]).encode())
        if self.method == "HEAD":
            return
        size, (step, pause_s) = self.cut_after or len(BODY), self.drip
        for at in range(0, size, step):
            if not self._passes(peer, pause_s):
                return
            piece = BODY[at : min(at + step, size)]
            peer.send(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
        if is_chunked and self.cut_after is None:
            peer.send(b"0\r\n\r\n")

    def _passes(self, peer: Peer, pause_s: float) -> bool:
        if pause_s < NEVER_S:
            time.sleep(pause_s)
            return True
        peer.wait_for_close()
        return False


CASES = {
    "all of it": Case(),
    "a byte at a time": Case((1, 0.001)),
    "in one piece": Case((100, 0.01)),
    "without pauses": Case((3, 0)),
    "chunks": Case(headers=CHUNKED),
    "later": Case(delay_s=0.05),
    "an error": Case(status=503),
    "to a POST": Case(method="POST"),
    "to a HEAD": Case((4, NEVER_S), method="HEAD"),
    "breaks off": Case((2, 0.01), cut_after=5),
    "breaks off in chunks": Case((2, 0.01), cut_after=5, headers=CHUNKED),
    "not in time": Case((4, NEVER_S), call={"timeout": 1}),
    "not in time by its connection": Case((4, NEVER_S), connection={"timeout": 1}),
    "no answer in time": Case(delay_s=NEVER_S, call={"timeout": 1}),
    "stands still": Case((4, NEVER_S), connection={"timeout": BRIEFLY}),
    "stands still before": Case(delay_s=NEVER_S, connection={"timeout": BRIEFLY}),
    "stands still by a call": Case((4, NEVER_S), call={"timeout": onehttp.Timeout(idle_s=1)}),
    "does not stand still for long": Case((1, 0.01), connection={"timeout": PATIENTLY}),
    "too slow": Case(
        (4, NEVER_S), connection={"low_speed": {"bytes_per_second": 1000, "seconds": 1}}
    ),
    "too slow before": Case(
        delay_s=NEVER_S, connection={"low_speed": {"bytes_per_second": 1000, "seconds": 1}}
    ),
    # A stream has no such limit.
    "too large": Case((4, NEVER_S), connection={"max_body": 5, "timeout": PATIENTLY}),
    "too large in chunks": Case(headers=CHUNKED, connection={"max_body": 5}),
    "too large in time": Case(
        (4, NEVER_S), headers=CHUNKED, connection={"max_body": 5, "timeout": 1}
    ),
    "too large, kept": Case(connection={"max_body": 3, "body_policy": "truncate"}),
    "a redirect": Case(status=302, headers={"Location": "/next"}),
    "a redirect, followed": Case(
        status=302, headers={"Location": "/next"}, connection={"redirects": 3}
    ),
    "a redirect, followed, though too large": Case(
        status=302, headers={"Location": "/next"}, connection={"redirects": 3, "max_body": 5}
    ),
    "a redirect, followed, that breaks off": Case(
        cut_after=5, status=302, headers={"Location": "/next"}, connection={"redirects": 3}
    ),
    "a redirect, followed, not in time": Case(
        (4, NEVER_S),
        status=302,
        headers={"Location": "/next"},
        connection={"redirects": 3, "timeout": 1},
    ),
    "tried again": Case(
        (4, NEVER_S),
        connection={"timeout": 1, "retry": {"attempts": 2, "backoff": {"base": 0.001}}},
    ),
    "an error tried again": Case(
        status=503, connection={"retry": {"attempts": 2, "backoff": {"base": 0.001}}}
    ),
}


def _by_server(ask: Callable[..., Told], case: Case) -> tuple[Told, list[str]]:
    with RawServer(case.behave) as server:
        onehttp.init(connections=one_connection(server.url, case.connection))
        return told(ask, case.method, **case.call), server.targets


def _by_double(
    ask: Callable[..., Told], case: Case, clock: PolicyClock | None
) -> tuple[Told, list[str]]:
    double, url, method = Double(), "https://a.example", case.method
    process = ProcessUnderTest()
    try:
        if clock is not None:
            process.use_clock(clock)
        process.use_double(double)
        kept: dict[str, Any] = {"status": case.status, "content": BODY, "times": 1}
        how: dict[str, Any] = {"delay_s": case.delay_s, "drip": case.drip}
        if case.cut_after is not None:
            how["cut_after"] = case.cut_after
        double.add(method, f"{url}/x", **kept, **how, answer_headers=case.headers)
        for path in ("/x", "/next"):
            double.add(method, f"{url}{path}", content=b"ok")
        onehttp.init(connections=one_connection(url, case.connection))
        found = told(ask, method, **case.call)
        return found, [f"{each.request.method} {each.request.path}" for each in double.calls]
    finally:
        process.end()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_told_is_what_the_engine_tells(way: str, case: Case) -> None:
    by_server = _by_server(WAYS[way], case)
    onehttp.shutdown()
    if NEVER_S not in (case.delay_s, case.drip[1]):
        assert _by_double(WAYS[way], case, None) == by_server
    assert _by_double(WAYS[way], case, PolicyClock()) == by_server


@pytest.mark.parametrize("way", WAYS)
def test_the_limits_hold_in_real_time(way: str) -> None:
    case = Case((4, NEVER_S), connection={"timeout": {"idle": 0.1, "total": PATIENCE_S}})
    (error, *_), _ = _by_double(WAYS[way], case, None)
    assert error == "TimeoutError"


SLOW = {"low_speed": {"bytes_per_second": 10, "seconds": 3}}


@pytest.mark.parametrize(
    ("drip", "connection", "is_late"),
    [
        ((1, 5), {"timeout": {"idle": 5, "total": 100}}, False),
        ((1, 5), {"timeout": {"idle": 4.9, "total": 100}}, True),
        ((3, 5), {"timeout": {"idle": 5, "total": 20}}, False),
        ((3, 5), {"timeout": {"idle": 4, "total": 20}}, True),
        ((1, 0.5), {"timeout": 100, **SLOW}, True),
        ((5, 0.5), {"timeout": 100, **SLOW}, False),
        ((9, 2), {"timeout": 100, **SLOW}, True),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_a_clock_moves_it_as_far_as_it_takes(
    way: str, drip: tuple[int, float], connection: dict[str, Any], is_late: bool
) -> None:
    clock = PolicyClock()
    (first, *_), _ = _by_double(WAYS[way], Case(drip, connection=connection), clock)
    needed_s = -(-len(BODY) // drip[0]) * drip[1]
    assert (first, clock() < needed_s) == ("TimeoutError" if is_late else 200, is_late)


@pytest.mark.parametrize(("limit_s", "first"), [(50, 200), (49, "TimeoutError")])
@pytest.mark.parametrize("way", WAYS)
def test_the_limit_of_a_call_is_one_for_all_of_it(way: str, limit_s: float, first: object) -> None:
    clock = PolicyClock()
    case = Case((1, 4), delay_s=10, call={"timeout": limit_s})
    found, _ = _by_double(WAYS[way], case, clock)
    assert (found[0], clock()) == (first, limit_s)


def test_what_reads_gets_the_pieces_as_they_come() -> None:
    double, clock, process = Double(), PolicyClock(), ProcessUnderTest()
    process.use_clock(clock)
    process.use_double(double)
    route = double.get("https://a.example/x", content=BODY, drip=(4, 30), delay_s=1)
    seen = []
    with onehttp.stream("GET", "https://a.example/x", timeout=100) as response:
        for piece in response.iter_bytes():
            seen.append((clock(), piece))
            clock.advance(1)  # what its reader takes is not added to the pause
    process.end()
    assert seen == [(31, b"0123"), (61, b"4567"), (91, b"89")]
    assert route.calls.last.response is not None
    assert route.calls.last.response.body == BODY


def test_who_stops_reading_waits_for_nothing() -> None:
    double, process = Double(), ProcessUnderTest()
    process.use_double(double)
    double.get("https://a.example/x", content=BODY, drip=(4, NEVER_S))
    with onehttp.stream("GET", "https://a.example/x") as response:
        assert response.status == 200
    process.end()


def test_the_end_of_the_process_ends_who_waits() -> None:
    """As it ends a transfer of the engine's."""
    double = Double()
    double.get("https://a.example/x", content=BODY, drip=(4, NEVER_S))
    backend = HttpxBackend(answers=double)
    ended: list[object] = []
    backend.submit(onehttp.Request("GET", "https://a.example/x"), ended.append)
    backend.close()
    assert isinstance(ended[0], onehttp.TransferError)
    assert ended[0].code == 42
