"""Hooks: told of each attempt of each call, on every engine and way; they may sign it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import onehttp
import onehttp.api
from onehttp_backends.contract import Request, Response
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer, keep_answering, redirecting_to
from stand_ins.calling import WAYS_TO_CALL, call, can_await

Told = list[tuple[Any, ...]]


def telling(told: Told, **more: Any) -> onehttp.Hooks:
    """Hooks that write down what they are told."""
    return onehttp.Hooks(
        on_attempt=lambda request: told.append(("attempt", request.method)),
        on_response=lambda request, response: told.append(("response", response.status)),
        on_error=lambda request, error: told.append(("error", error.code)),
        **more,
    )


def signed(request: Request) -> Request:
    return request._replace(headers=(*request.headers, ("X-Signature", f"of {request.method}")))


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(keep_answering) as running:
        yield running


def begun(url: str, engine: str, hooks: Any, **keys: Any) -> None:
    named = {"api": {"url": url, **keys}, "other": {"url": url}}
    onehttp.init({"version": 1, "connections": named}, backend=engine, hooks=hooks)


@pytest.mark.parametrize("way", WAYS_TO_CALL)
@pytest.mark.parametrize("policed", [{}, {"retry": 2}], ids=["plain", "policed"])
def test_a_request_is_signed_and_its_answer_told(
    way: str, policed: dict[str, Any], server: RawServer, engine: str
) -> None:
    told: Told = []
    begun(server.url, engine, [telling(told), onehttp.Hooks(on_attempt=signed)], **policed)
    assert call(way, server.url, "POST", json=[1]).status == 200
    assert b"\r\nX-Signature: of POST\r\n" in server.requests[0]
    assert told == [("attempt", "POST"), ("response", 200)]


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_a_failure_is_told(way: str, engine: str) -> None:
    told: Told = []
    begun("http://127.0.0.1:9", engine, telling(told))
    with pytest.raises(onehttp.ConnectError):
        call(way, "http://127.0.0.1:9")
    assert told == [("attempt", "GET"), ("error", 7)]


@pytest.mark.parametrize("way", ["named", "named task", "named query"])
def test_each_attempt_is_told_and_signed_anew(way: str, engine: str) -> None:
    def fails_twice(peer: Peer) -> None:
        for answer in (b"503 No", b"503 No", b"200 OK"):
            peer.request()
            peer.send(b"HTTP/1.1 " + answer + b"\r\nContent-Length: 0\r\n\r\n")

    told: Told = []
    with RawServer(fails_twice) as server:
        retry = {"attempts": 3, "backoff": {"base": 0.001, "max": 0.001}}
        begun(server.url, engine, [telling(told), onehttp.Hooks(on_attempt=signed)], retry=retry)
        assert call(way, server.url).status == 200
    assert [each for each in told if each[0] == "response"] == [
        ("response", 503),
        ("response", 503),
        ("response", 200),
    ]
    assert [each.count(b"X-Signature") for each in server.requests] == [1, 1, 1]


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_redirects_are_signed_as_attempts_of_their_own(
    way: str, engine: str, server: RawServer
) -> None:
    told: Told = []
    with RawServer(redirecting_to(server.url)) as first:
        begun(first.url, engine, [telling(told), onehttp.Hooks(on_attempt=signed)])
        assert call(way, first.url, follow_redirects=True).status == 200
    assert [status for what, status in told if what == "response"] == [302, 200]
    assert b"X-Signature" in server.requests[0]


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_hooks_of_a_connection_are_told_of_its_calls_alone(
    way: str, server: RawServer, engine: str
) -> None:
    told: Told = []
    begun(server.url, engine, telling(told, connection="api"))
    onehttp.connection("other").get("/")
    call(way, server.url)
    assert bool(told) is way.startswith("named")


def test_hooks_of_an_unknown_connection_are_refused(engine: str) -> None:
    hooks = onehttp.Hooks(on_attempt=signed, connection="ap")
    with pytest.raises(onehttp.UnknownConnectionError, match="did you mean 'api'"):
        begun("http://a.example", engine, hooks)
    assert not onehttp.is_initialised()


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_a_coroutine_function_can_be_awaited_only(way: str, server: RawServer, engine: str) -> None:
    async def sign(request: Request) -> Request:
        return signed(request)

    begun(server.url, engine, onehttp.Hooks(on_attempt=sign))
    if can_await(way):
        assert call(way, server.url).status == 200
        assert b"X-Signature" in server.requests[0]
        return
    kind = onehttp.TransferError if way in ("submit", "named query") else TypeError
    with pytest.raises(kind, match="sign is a coroutine function, which only awaited calls"):
        call(way, server.url)
    assert server.requests == []


class TheirError(Exception):
    """Of somebody's hook."""


@pytest.mark.parametrize("which", ["on_attempt", "on_response", "on_error"])
@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_what_a_hook_raises_is_the_callers(way: str, which: str, engine: str) -> None:
    def fail(*_: object) -> None:
        raise TheirError("out of keys")

    with RawServer(keep_answering) as server:
        url = "http://127.0.0.1:9" if which == "on_error" else server.url
        given: dict[str, Any] = {which: fail}
        begun(url, engine, onehttp.Hooks(**given))
        with pytest.raises((TheirError, onehttp.TransferError)) as raised:
            call(way, url)
        assert len(server.requests) == (which == "on_response")
    if way in ("submit", "named query"):
        assert "TheirError: out of keys" in str(raised.value)
        assert isinstance(raised.value.__cause__, TheirError)
    else:
        assert type(raised.value) is TheirError


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_a_transfer_error_of_a_hook_is_what_the_attempt_comes_to(
    way: str, server: RawServer, engine: str
) -> None:
    def refuse(_: Request) -> None:
        raise onehttp.RequestError("not on a Sunday")

    begun(server.url, engine, onehttp.Hooks(on_attempt=refuse), retry=2)
    with pytest.raises(onehttp.RequestError, match="not on a Sunday"):
        call(way, server.url)
    assert server.requests == []


@pytest.mark.parametrize("way", ["request", "submit"])
def test_a_hook_may_make_calls(way: str, server: RawServer, engine: str) -> None:
    asked: list[Response] = []

    def ask(request: Request) -> None:
        if not request.url.endswith("/key"):
            asked.append(onehttp.request("GET", f"{server.url}/key"))

    begun(server.url, engine, onehttp.Hooks(on_attempt=ask, on_response=lambda *_: None))
    assert call(way, server.url).status == 200
    assert server.targets == ["GET /key", "GET /x"]


def test_a_slow_hook_of_a_query_delays_no_other(server: RawServer, engine: str) -> None:
    go_on = threading.Event()

    def wait(_: Request, response: Response) -> None:
        if response.url.endswith("/slow"):
            assert go_on.wait(PATIENCE_S)

    begun(server.url, engine, onehttp.Hooks(on_response=wait))
    slow = onehttp.submit("GET", f"{server.url}/slow", timeout=PATIENCE_S)
    quick = [onehttp.submit("GET", f"{server.url}/{n}", timeout=PATIENCE_S) for n in range(5)]
    assert all(each.result(PATIENCE_S).ok for each in quick)
    go_on.set()
    assert slow.result(PATIENCE_S).ok


def test_hooks_of_queries_share_threads(server: RawServer, engine: str) -> None:
    ran_on: list[threading.Thread] = []  # kept, so that no two are taken for one
    begun(server.url, engine, onehttp.Hooks(
        on_attempt=lambda _: ran_on.append(threading.current_thread()),
        on_response=lambda *_: ran_on.append(threading.current_thread()),
    ))  # fmt: skip
    for number in range(50):
        assert onehttp.submit("GET", f"{server.url}/{number}").result(PATIENCE_S).ok
    assert len(ran_on) == 100
    # One may have told its call's end and not be idle yet when the next begins.
    assert len(set(ran_on)) < 10


def test_a_hook_may_wait_for_a_query_that_has_hooks(server: RawServer, engine: str) -> None:
    def ask(request: Request) -> None:
        deeper = {"/x": "/1", "/1": "/2", "/2": "/3"}.get(request.url.removeprefix(server.url))
        if deeper:
            assert onehttp.submit("GET", server.url + deeper).result(PATIENCE_S).ok

    begun(server.url, engine, onehttp.Hooks(on_attempt=ask))
    assert onehttp.submit("GET", f"{server.url}/x").result(PATIENCE_S).ok
    assert server.targets == ["GET /3", "GET /2", "GET /1", "GET /x"]


def test_a_forked_child_has_threads_of_its_own_for_them(server: RawServer, engine: str) -> None:
    begun(server.url, engine, onehttp.Hooks(on_attempt=signed))
    assert onehttp.submit("GET", server.url).result(PATIENCE_S).ok
    child = os.fork()
    if child == 0:
        os._exit(0 if onehttp.submit("GET", server.url).result(PATIENCE_S).ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_query_is_cancelled_while_its_hook_runs(server: RawServer, engine: str) -> None:
    begun_to, go_on = threading.Event(), threading.Event()

    def wait(_: Request) -> None:
        begun_to.set()
        assert go_on.wait(PATIENCE_S)

    begun(server.url, engine, onehttp.Hooks(on_attempt=wait))
    query = onehttp.submit("GET", server.url, timeout=PATIENCE_S)
    assert begun_to.wait(PATIENCE_S)
    query.cancel()
    go_on.set()
    assert isinstance(query.result(PATIENCE_S).error, onehttp.CancelledError)
    assert server.requests == []


def test_hooks_survive_a_reload_and_a_fork(server: RawServer, engine: str) -> None:
    told: Told = []
    begun(server.url, engine, [telling(told, connection="api"), onehttp.Hooks(on_attempt=signed)])
    onehttp.reload(
        {"version": 1, "connections": {"api": {"url": server.url, "timeout": PATIENCE_S}}}
    )
    api = onehttp.connection("api")
    assert api.get("/").status == 200
    assert told
    child = os.fork()
    if child == 0:
        told.clear()
        os._exit(0 if api.get("/").is_success and len(told) == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [each.count(b"X-Signature") for each in server.requests] == [1, 1]


def test_a_second_init_with_other_hooks_is_refused(server: RawServer, engine: str) -> None:
    hooks = onehttp.Hooks(on_attempt=signed)
    onehttp.init(backend=engine, hooks=hooks)
    onehttp.init(backend=engine, hooks=[hooks])
    with pytest.raises(onehttp.AlreadyInitialisedError, match="different here: hooks"):
        onehttp.init(backend=engine)
    with pytest.raises(TypeError, match=r"expected onehttp.Hooks, got function"):
        onehttp.init(backend=engine, hooks=[signed])  # type: ignore[list-item]


def test_who_uses_none_pays_for_none(api: str) -> None:
    assert onehttp.api.process.runtime is not None
    assert onehttp.api.process.runtime.backend is onehttp.backend()


def mistaken(_: Request) -> None:
    nothing: Any = None
    nothing[0]


async def amistaken(_: Request) -> None:
    nothing: Any = None
    nothing[0]


@pytest.mark.parametrize("way", ["request", "arequest", "named", "named task"])
@pytest.mark.parametrize("hook", [mistaken, amistaken])
def test_a_mistake_in_a_hook_is_shown_where_it_is(way: str, hook: Any, engine: str) -> None:
    if hook is amistaken and not can_await(way):
        return
    begun("http://127.0.0.1:9", engine, onehttp.Hooks(on_attempt=hook))
    with pytest.raises(TypeError, match="not subscriptable") as raised:
        call(way, "http://127.0.0.1:9", auth=("name", "password"))
    assert [frame.name for frame in raised.traceback][-1] == hook.__name__
