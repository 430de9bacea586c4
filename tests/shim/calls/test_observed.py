"""Whoever watches hears of each call once and of each of its attempts, however it is made."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import onehttp
from onehttp import Response, TransferError
from onehttp.calls.named_call import NamedCall
from onehttp_backends.contract import Outcome
from onehttp_backends.observed import Attempt, Call, Observer, leave, observe
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer

BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"


class Ledger(Observer):
    """Keeps what it is told, in order."""

    def __init__(self) -> None:
        self.open: set[Call] = set()
        self.ended: list[tuple[Call, Outcome | None]] = []
        self.attempts: list[Attempt] = []
        self.reasons: list[str] = []
        self.attempts_ended: list[tuple[Attempt, Outcome | None]] = []

    def call_begins(self, call: Call) -> None:
        self.open.add(call)

    def attempt_begins(self, attempt: Attempt) -> None:
        assert attempt.call in self.open
        self.attempts.append(attempt)
        self.reasons.append(attempt.call.reason)
        headers = (*attempt.request.headers, ("X-Attempt", str(attempt.number)))
        attempt.request = attempt.request._replace(headers=headers)

    def attempt_ends(self, attempt: Attempt, outcome: Outcome | None) -> None:
        assert attempt.call in self.open
        self.attempts_ended.append((attempt, outcome))

    def call_ends(self, call: Call, outcome: Outcome | None) -> None:
        self.open.remove(call)
        self.ended.append((call, outcome))


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    watching = Ledger()
    observe(watching)
    yield watching
    leave(watching)


def answering(peer: Peer) -> None:
    while request := peer.request():
        path = request.split(b" ")[1]
        if path == b"/never":
            peer.wait_for_close()
        peer.send({b"/busy": BUSY, b"/moved": MOVED}.get(path, OK))


@pytest.fixture
def server(engine: str) -> Iterator[RawServer]:
    with RawServer(answering) as running:
        named = {
            "plain": {"url": running.url},
            "sure": {"url": running.url, "retry": {"attempts": 3, "backoff": {"base": 0.0001}},
                     "failover": "spare", "redirects": 3},
            "spare": {"url": running.url},
            "gone": {"url": "http://127.0.0.1:1"},
        }  # fmt: skip
        defaults = {"timeout": {"total": PATIENCE_S, "connect": PATIENCE_S}}
        onehttp.init({"version": 1, "defaults": defaults, "connections": named}, backend=engine)
        yield running


Way = Callable[..., "Response | TransferError | None"]


def blocking(target: Any, method: str, path: str, **call: Any) -> Outcome:
    try:
        response: Response = target.request(method, path, **call)
    except TransferError as error:
        return error
    return response


def awaited(target: Any, method: str, path: str, **call: Any) -> Outcome:
    async def wait() -> Outcome:
        try:
            response: Response = await target.arequest(method, path, **call)
        except TransferError as error:
            return error
        return response

    return asyncio.run(wait())


def submitted(target: Any, method: str, path: str, **call: Any) -> Outcome:
    try:
        result = target.submit(method, path, **call).result(PATIENCE_S)
    except TransferError as error:
        return error
    outcome: Outcome = result.response or result.error
    return outcome


@pytest.fixture(params=[blocking, awaited, submitted], ids=lambda way: way.__name__)
def way(request: pytest.FixtureRequest) -> Way:
    chosen: Way = request.param
    return chosen


@pytest.mark.parametrize(
    ("name", "path", "reasons"),
    [
        ("plain", "/x", [""]),
        ("plain", "/busy", [""]),
        ("sure", "/x", [""]),
        ("sure", "/busy", ["", "retry", "retry", "failover"]),
        ("sure", "/moved", ["", "redirect"]),
        ("gone", "/x", [""]),
    ],
)
def test_each_call_is_told_once_with_all_its_attempts(
    server: RawServer, ledger: Ledger, way: Way, name: str, path: str, reasons: list[str]
) -> None:
    outcome = way(onehttp.connection(name), "GET", path)
    assert ledger.reasons == reasons
    ((call, at_last),) = ledger.ended
    assert at_last is outcome or (type(at_last) is type(outcome))
    assert (call.name, call.request.method, call.attempts) == (name, "GET", len(reasons))
    assert len(ledger.attempts_ended) == len(reasons)
    assert not ledger.open


def test_calls_without_a_connection_are_told_too(
    server: RawServer, ledger: Ledger, way: Way
) -> None:
    way(onehttp, "GET", f"{server.url}/x")
    way(onehttp, "GET", f"{server.url}/moved", follow_redirects=True)
    assert [(call.name, call.attempts) for call, _ in ledger.ended] == [("", 1), ("", 2)]
    assert not ledger.open


def test_an_attempt_is_sent_as_the_observer_leaves_it(
    server: RawServer, ledger: Ledger, way: Way
) -> None:
    way(onehttp.connection("sure"), "GET", "/moved")
    sent = [request.lower() for request in server.requests]
    assert [b"x-attempt: 1" in sent[0], b"x-attempt: 2" in sent[1]] == [True, True]


@pytest.mark.parametrize("name", ["plain", "sure"])
def test_a_call_that_is_refused_has_ended_too(
    server: RawServer, ledger: Ledger, way: Way, name: str
) -> None:
    outcome = way(onehttp.connection(name), "GET", "/x", headers=[("X", "a\r\nb")])
    assert isinstance(outcome, onehttp.RequestError)
    assert not ledger.open


def test_what_an_observer_raises_is_logged_and_touches_no_call(
    server: RawServer, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Observer):
        def call_begins(self, call: Call) -> None:
            raise ValueError("a fault of its own")

        call_ends = attempt_begins = attempt_ends = lambda self, *_: self.call_begins(_)  # type: ignore[assignment]

    failing = Failing()
    observe(failing)
    try:
        outcome = way(onehttp.connection("plain"), "GET", "/x")
    finally:
        leave(failing)
    assert isinstance(outcome, Response)
    assert caplog.text.count("an observer failed") == 4


def test_no_answer_can_be_seen_before_who_watches_has_been_told(engine: str) -> None:
    class Looking(Observer):
        def call_ends(self, call: Call, outcome: Outcome | None) -> None:
            seen.append(query.is_answered)

    seen: list[bool] = []
    looking = Looking()
    observe(looking)
    onehttp.init(backend=engine)
    try:
        with HoldingServer() as server:
            query = onehttp.submit("GET", f"{server.url}/x", timeout=PATIENCE_S)
            server.arrival("/x").answer()
            assert query.result(PATIENCE_S).ok
    finally:
        leave(looking)
    assert seen == [False]


def test_a_call_of_a_route_is_one_of_its_own(server: RawServer, ledger: Ledger) -> None:
    done: queue.SimpleQueue[int] = queue.SimpleQueue()

    def route(result: onehttp.Result) -> None:
        done.put(onehttp.connection("plain").get("/second").status)

    onehttp.connection("plain").submit("GET", "/first", route=route)
    assert done.get(timeout=PATIENCE_S) == 200
    assert onehttp.drain(PATIENCE_S)
    assert [call.attempts for call, _ in ledger.ended] == [1, 1]


def test_a_cancelled_task_is_told_as_given_up(server: RawServer, ledger: Ledger) -> None:
    async def give_up() -> None:
        task = asyncio.ensure_future(onehttp.connection("plain").aget("/never"))
        while not ledger.attempts:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    assert [outcome for _, outcome in ledger.ended] == [None]
    assert [outcome for _, outcome in ledger.attempts_ended] == [None]


@pytest.mark.parametrize("hooked", [False, True], ids=["plain", "with hooks"])
@pytest.mark.parametrize(
    ("name", "path", "attempts"), [("plain", "/x", 1), ("sure", "/busy", 4), ("sure", "/moved", 2)]
)
def test_calls_made_many_at_a_time_are_one_each(
    engine: str, ledger: Ledger, name: str, path: str, attempts: int, hooked: bool
) -> None:
    hooks = onehttp.Hooks(on_response=lambda *_: None) if hooked else None
    with RawServer(answering) as running:
        named = {
            "plain": {"url": running.url},
            "sure": {"url": running.url, "retry": {"attempts": 3, "backoff": {"base": 0.0001}},
                     "failover": "spare", "redirects": 3},
            "spare": {"url": running.url},
        }  # fmt: skip
        defaults = {"timeout": {"total": PATIENCE_S, "connect": PATIENCE_S}}
        onehttp.init({"version": 1, "defaults": defaults, "connections": named},
                     backend=engine, hooks=hooks)  # fmt: skip
        ended: list[int] = []
        calls = [(number, NamedCall("GET", path)) for number in range(5)]
        refused = NamedCall("GET", "/x", {"headers": [("X", "a\r\nb")]})
        connection = onehttp.connection(name)
        connection.perform_all([*calls, (5, refused)], 2, lambda key, _: ended.append(key))
    assert sorted(ended) == list(range(6))
    assert not ledger.open
    assert [call.attempts for call, _ in ledger.ended if call.request.url.endswith(path)
            and not call.request.headers] == [attempts] * 5  # fmt: skip


def test_queries_that_wait_in_line_are_one_call_each(engine: str, ledger: Ledger) -> None:
    with RawServer(answering) as running:
        limits = onehttp.QueryLimits(max_in_flight=2)
        named = {
            "sure": {"url": running.url, "retry": {"attempts": 3, "backoff": {"base": 0.0001}}}
        }
        defaults = {"timeout": {"total": PATIENCE_S, "connect": PATIENCE_S}}
        onehttp.init({"version": 1, "defaults": defaults, "connections": named},
                     backend=engine, queries=limits)  # fmt: skip
        sure = onehttp.connection("sure")
        queries = [sure.submit("GET", "/busy") for _ in range(8)]
        for query in queries:
            query.result(PATIENCE_S)
    assert [call.attempts for call, _ in ledger.ended] == [3] * 8
    assert not ledger.open


@pytest.mark.parametrize("watched_before", [True, False])
def test_an_observer_hears_nothing_of_calls_that_began_earlier(
    engine: str, watched_before: bool
) -> None:
    """Nor is one that has left meanwhile."""
    earlier, later, gone = Ledger(), Ledger(), Ledger()
    onehttp.init(backend=engine)
    with HoldingServer() as server:
        if watched_before:
            observe(earlier)
            observe(gone)
        try:
            under_way = onehttp.submit("GET", f"{server.url}/first", timeout=PATIENCE_S)
            first = server.arrival("/first")
            observe(later)
            leave(gone)
            first.answer()
            assert under_way.result(PATIENCE_S).ok
            query = onehttp.submit("GET", f"{server.url}/second", timeout=PATIENCE_S)
            server.arrival("/second").answer()
            assert query.result(PATIENCE_S).ok
        finally:
            leave(earlier)
            leave(later)
    assert [call.request.url for call, _ in later.ended] == [f"{server.url}/second"]
    assert len(earlier.ended) == 2 * watched_before
    assert gone.ended == []
