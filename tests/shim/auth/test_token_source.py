"""Tokens that run out: fetched once for all who wait, and again when one is over or refused."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer, keep_answering
from stand_ins.calling import WAYS_TO_CALL, call, can_await

MANY = 20


class Issuer:
    """Gives tokens by number, and says how often it was asked."""

    def __init__(self, lifetime_s: float | None = None) -> None:
        self.lifetime_s = lifetime_s
        self.asked = 0

    def __call__(self) -> Any:
        self.asked += 1
        token = f"token{self.asked}"
        return token if self.lifetime_s is None else (token, self.lifetime_s)


class Guard:
    """A server that takes tokens of this number and above."""

    def __init__(self) -> None:
        self.oldest = 1

    def __call__(self, peer: Peer) -> None:
        while request := peer.request():
            number = int(request.partition(b"Bearer token")[2].split(b"\r")[0] or 0)
            refused = b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"
            peer.send(OK if number >= self.oldest else refused)


@pytest.fixture
def guard() -> Guard:
    return Guard()


@pytest.fixture(params=[{}, {"retry": 2, "redirects": 3}], ids=["plain", "policed"])
def server(request: pytest.FixtureRequest, engine: str, guard: Guard) -> Iterator[RawServer]:
    with RawServer(guard) as running:
        named = {"api": {"url": running.url, **request.param}}
        onehttp.init({"version": 1, "connections": named}, backend=engine)
        yield running


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_one_token_serves_until_it_is_refused(way: str, server: RawServer, guard: Guard) -> None:
    issuer = Issuer()
    source = onehttp.TokenSource(issuer)
    for _ in range(3):
        assert call(way, server.url, auth=source).status == 200
    assert issuer.asked == 1
    guard.oldest = 2
    assert call(way, server.url, "POST", body=b"once", auth=source).status == 200
    assert issuer.asked == 2
    bodies = [each for each in server.requests if each.endswith(b"once")]
    assert [b"token1" in each for each in bodies] == [True, False]


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_a_second_refusal_is_the_answer(way: str, server: RawServer, guard: Guard) -> None:
    guard.oldest = 1000
    issuer = Issuer()
    assert call(way, server.url, auth=onehttp.TokenSource(issuer)).status == 401
    assert (issuer.asked, len(server.requests)) == (2, 2)
    same = onehttp.TokenSource(lambda: "token1")
    assert call(way, server.url, auth=same).status == 401
    assert len(server.requests) == 3


def test_a_token_is_not_used_after_its_time(server: RawServer) -> None:
    issuer = Issuer(lifetime_s=0)
    source = onehttp.TokenSource(issuer)
    for asked in (1, 2):
        assert call("request", server.url, auth=source).status == 200
        assert issuer.asked == asked
    long = Issuer(lifetime_s=3600)
    source = onehttp.TokenSource(long)
    for _ in range(2):
        call("request", server.url, auth=source)
    assert long.asked == 1


def test_a_token_is_replaced_shortly_before_it_expires(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("onehttp.calls.auth.token_source.time.monotonic", lambda: now[0])
    issuer = Issuer(lifetime_s=300)
    source = onehttp.TokenSource(issuer, early_s=20)
    for elapsed_s, asked in ((0, 1), (279, 1), (280, 2), (280 + 279, 2), (280 + 280, 3)):
        now[0] = 1000.0 + elapsed_s
        source.get()
        assert issuer.asked == asked


@pytest.mark.parametrize("kind", ["threads", "tasks", "both"])
def test_however_many_wait_it_is_fetched_once(kind: str, server: RawServer, engine: str) -> None:
    all_wait = threading.Barrier(MANY + 1)
    asked = []

    def fetch() -> str:
        asked.append(threading.current_thread())
        all_wait.wait(PATIENCE_S)
        return "token1"

    source = onehttp.TokenSource(fetch)
    ways = {"threads": ["request"], "tasks": ["arequest"], "both": ["request", "arequest"]}[kind]
    with concurrent.futures.ThreadPoolExecutor(MANY) as threads:

        def one(number: int) -> int:
            waiting = threading.Thread(target=all_wait.wait, args=(PATIENCE_S,), daemon=True)
            waiting.start()
            found: int = call(ways[number % len(ways)], server.url, auth=source).status
            return found

        assert set(threads.map(one, range(MANY))) == {200}
    assert len(asked) == 1


def test_tasks_of_one_loop_wait_for_one_coroutine(server: RawServer) -> None:
    asked = []

    async def fetch() -> tuple[str, float]:
        asked.append(1)
        await asyncio.sleep(0)
        return "token1", 60

    source = onehttp.TokenSource(fetch)

    async def many() -> list[onehttp.Response]:
        calls = [onehttp.arequest("GET", server.url, auth=source, timeout=60) for _ in range(MANY)]
        return await asyncio.gather(*calls)

    assert {response.status for response in asyncio.run(many())} == {200}
    assert len(asked) == 1


def test_a_task_that_is_cancelled_while_it_fetches_lets_another_fetch(server: RawServer) -> None:
    async def story() -> int:
        asked = asyncio.Event()
        count = 0

        async def fetch() -> str:
            nonlocal count
            count += 1
            asked.set()
            if count == 1:
                await asyncio.Event().wait()
            return "token1"

        source = onehttp.TokenSource(fetch)
        first = asyncio.ensure_future(onehttp.arequest("GET", server.url, auth=source, timeout=60))
        await asked.wait()
        second = asyncio.ensure_future(onehttp.arequest("GET", server.url, auth=source, timeout=60))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).status == 200
        return count

    assert asyncio.run(story()) == 2


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_a_coroutine_function_can_be_awaited_only(way: str, server: RawServer) -> None:
    async def fetch() -> str:
        return "token1"

    source = onehttp.TokenSource(fetch)
    if can_await(way):
        assert call(way, server.url, auth=source).status == 200
        return
    kind = onehttp.TransferError if way in ("submit", "named query") else TypeError
    with pytest.raises(kind, match="a coroutine function, which only awaited calls can use"):
        call(way, server.url, auth=source)
    assert server.requests == []


class OutOfOrderError(Exception):
    """Of somebody's own code."""


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_what_fetching_raises_is_the_callers_and_the_next_call_asks_again(
    way: str, server: RawServer
) -> None:
    answers: list[Any] = [OutOfOrderError("no"), "token1"]

    def fetch() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    source = onehttp.TokenSource(fetch)
    with pytest.raises((OutOfOrderError, onehttp.TransferError)) as raised:
        call(way, server.url, auth=source)
    if not isinstance(raised.value, OutOfOrderError):
        assert isinstance(raised.value.__cause__, OutOfOrderError)
    assert server.requests == []
    assert call(way, server.url, auth=source).status == 200


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_a_failed_call_for_a_token_says_that_nothing_was_sent(way: str, server: RawServer) -> None:
    def fetch() -> str:
        raise onehttp.TimeoutError("too late", sent=onehttp.Sent.YES)

    with pytest.raises(onehttp.RequestError, match="not sent, there is no token for it: too") as it:
        call(way, server.url, auth=onehttp.TokenSource(fetch))
    assert (it.value.sent, it.value.code) == (onehttp.Sent.NO, 67)
    assert isinstance(it.value.__cause__, onehttp.TimeoutError)
    assert server.requests == []


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_fetching_may_be_a_call_of_its_own(way: str, server: RawServer) -> None:
    with RawServer(keep_answering) as issuer:
        source = onehttp.TokenSource(
            lambda: f"token{len(onehttp.request('POST', issuer.url).body)}"
        )
        assert call(way, server.url, auth=source).status == 200
    assert b"Bearer token2" in server.requests[0]


@pytest.mark.parametrize("answer", [None, 3, b"t", ("t", "soon"), ("t",), ["t", 1]])
def test_what_is_no_token_is_refused(answer: Any, server: RawServer) -> None:
    with pytest.raises(TypeError, match=r"^auth: fetch gave neither a token nor"):
        onehttp.request("GET", server.url, auth=onehttp.TokenSource(lambda: answer))
    with pytest.raises(onehttp.RequestError, match="no token for it: auth: a token is visible"):
        onehttp.request("GET", server.url, auth=onehttp.TokenSource(lambda: "a b"))
    with pytest.raises(TypeError, match="expected a function, got str"):
        onehttp.TokenSource("token")  # type: ignore[arg-type]


def test_a_request_that_is_sent_past_its_source_does_not_go_out_without(
    server: RawServer,
) -> None:
    source = onehttp.TokenSource(lambda: "token1")
    built = onehttp.connection("api").build("GET", "/", auth=source)
    with pytest.raises(onehttp.RequestError, match="Authorization"):
        onehttp.perform(built)
    assert server.requests == []


@contextlib.contextmanager
def somebody_fetching() -> Iterator[tuple[onehttp.TokenSource, threading.Event]]:
    """A source whose first token another thread is getting; it has it once the event is set."""
    begun, go_on = threading.Event(), threading.Event()

    def fetch() -> str:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        return "token1"

    source = onehttp.TokenSource(fetch)
    fetching = threading.Thread(target=source.get)
    fetching.start()
    assert begun.wait(PATIENCE_S)
    try:
        yield source, go_on
    finally:
        go_on.set()
        fetching.join(PATIENCE_S)


def test_a_forked_child_fetches_for_itself(server: RawServer) -> None:
    with somebody_fetching() as (source, go_on):
        child = os.fork()
        if child == 0:
            go_on.set()
            os._exit(0 if source.get() == "token1" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_who_waits_for_somebody_elses_fetching_waits_no_longer_than_its_time(
    way: str, server: RawServer
) -> None:
    with somebody_fetching() as (source, _):
        with pytest.raises(onehttp.TimeoutError, match="no token came within") as raised:
            call(way, server.url, auth=source, timeout=0.05)
        assert (raised.value.sent, raised.value.phase) == (onehttp.Sent.NO, onehttp.Phase.QUEUE)
    assert call(way, server.url, auth=source).status == 200


def test_a_task_that_fetches_by_a_thread_waits_no_longer_either(server: RawServer) -> None:
    go_on = threading.Event()

    def fetch() -> str:
        assert go_on.wait(PATIENCE_S)
        return "token1"

    source = onehttp.TokenSource(fetch)
    with pytest.raises(onehttp.TimeoutError, match="no token came within"):
        call("arequest", server.url, auth=source, timeout=0.05)
    go_on.set()
    assert call("arequest", server.url, auth=source).status == 200


def test_a_loop_that_is_closed_while_it_fetches_leaves_nobody_waiting() -> None:
    asked: list[threading.Event] = []

    async def fetch() -> str:
        asked.append(threading.Event())
        if len(asked) == 1:
            await asyncio.Event().wait()
        return "token"

    source = onehttp.TokenSource(fetch)

    async def leave() -> asyncio.Task[str]:
        task = asyncio.ensure_future(source.aget())
        while not asked:
            await asyncio.sleep(0)
        return task

    loop = asyncio.new_event_loop()
    left = loop.run_until_complete(leave())
    found: list[str] = []
    waiting = threading.Thread(target=lambda: found.append(asyncio.run(source.aget())))
    waiting.start()
    loop.close()
    waiting.join(PATIENCE_S)
    assert (found, len(asked)) == (["token"], 2)
    assert asyncio.run(source.aget()) == "token"
    left._log_destroy_pending = False  # type: ignore[attr-defined]
