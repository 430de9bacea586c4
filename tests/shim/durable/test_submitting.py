"""From `submit` through a queue to the wire: the same request, and its key."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import onehttp
from onehttp.cli.worker import send
from onehttp.durable import submitting
from onehttp.durable.submitting import current_store, default_file, store_at
from onehttp.durable.worker import Worker
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering
from stand_ins.connected import connected
from stand_ins.processes import child

pytestmark = pytest.mark.usefixtures("queues")


@pytest.fixture
def server(engine: str) -> Iterator[RawServer]:
    def connections(url: str) -> dict[str, Any]:
        api = {"url": f"{url}/v1", "headers": {"X-Key": "s3cr3t"}, "params": {"k": "v"}}
        return {"api": api, "typed": {"url": url, "content_type": "application/sdp"}}

    with connected(engine, connections, keep_answering) as running:
        yield running


def work(queue: str = "cdr") -> None:
    """Send what the queue holds."""
    asyncio.run(Worker(current_store(), queue, send).run(until_empty=True))


CALLS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("api", "GET", "/x", {}),
    ("api", "POST", "/x", {"json": {"a": [1, None]}}),
    ("api", "POST", "/x", {"form": {"a": "b c"}}),
    ("api", "PUT", "/x", {"body": "text"}),
    ("api", "PATCH", "/x", {"body": bytes(range(256))}),
    ("api", "POST", "/x", {}),
    ("api", "DELETE", "/x", {"headers": [("A", "1"), ("A", "2"), ("x-key", "mine")]}),
    ("api", "POST", "?a=b", {"body": bytearray(b"x"), "params": {"n": [1, 2], "b": True}}),
    ("api", "POST", "/n/{n}", {"path": {"n": "a/b?c"}, "json": 1}),
    ("api", "POST", "/n/{n}", {"path": {"n": "ä".encode()}, "params": [("a", "ö")]}),
    ("api", "BREW", "", {"timeout": onehttp.Timeout(total_s=PATIENCE_S), "max_body": 1000}),
    ("typed", "POST", "/x", {"body": "v=0"}),
    ("typed", "POST", "/x", {"json": {}}),
    ("", "POST", "/x", {"body": b"x", "params": {"a": "b"}, "follow_redirects": True}),
]


@pytest.mark.parametrize(("name", "method", "path", "call"), CALLS)
def test_what_is_sent_is_what_the_same_call_sends_at_once_and_its_key(
    server: RawServer, name: str, method: str, path: str, call: dict[str, Any]
) -> None:
    target: Any = onehttp.connection(name) if name else onehttp
    url = path if name else server.url + path
    target.request(method, url, **call)
    query = target.submit(method, url, queue="cdr", **call)
    assert re.fullmatch(r"[0-9a-f-]{36}", query.stored)
    assert isinstance(query.error, onehttp.CancelledError)
    assert len(server.requests) == 1
    work()
    at_once, later = server.requests
    key = f'Idempotency-Key: "{query.stored}"\r\n'.encode()
    assert later.count(key) == 1
    assert sorted(later.replace(key, b"").split(b"\r\n")) == sorted(at_once.split(b"\r\n"))


def test_nothing_of_the_connections_secrets_is_stored(server: RawServer, queues: Path) -> None:
    onehttp.connection("api").submit("POST", "/x", queue="cdr", body=b"open")
    stored = b"".join(path.read_bytes() for path in queues.parent.glob("queues.db*"))
    assert b"open" in stored
    assert b"s3cr3t" not in stored


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ({"route": print}, "route: cannot be used with queue="),
        ({"auth": ("user", "pass")}, "auth: cannot be used with queue="),
        ({"cookies": {"a": "b"}}, "cookies: cannot be used with queue="),
        ({"headers": [("A", "x\r\ny")]}, "header"),
        ({"body": b"x", "json": 1}, "only one of"),
        ({"body": 5}, "body: expected"),
        ({"body": iter([b"x"])}, "body: expected bytes or str"),
        ({"progress": print}, "progress: cannot be used with queue="),
        ({"tiemout": 1}, "timeout"),
        ({"params": {"a": b"\xff"}}, "params: bytes that are not UTF-8"),
        ({"queue": ""}, "queue: expected non-empty text"),
        ({"queue": 7}, "queue: expected non-empty text"),
        ({"key": ""}, "key: expected non-empty text"),
        ({"queue": None, "key": "k"}, "key: can be used only together with queue="),
    ],
)
def test_what_cannot_be_queued_is_refused_and_nothing_is_stored(
    server: RawServer, call: dict[str, Any], says: str
) -> None:
    arguments = {"queue": "cdr", **call}
    with pytest.raises((onehttp.RequestError, TypeError), match=says):
        onehttp.connection("api").submit("POST", "/x", **arguments)
    assert [each for each in current_store().lengths() if each.waiting] == []


def test_an_unknown_connection_is_refused(server: RawServer) -> None:
    api = onehttp.connection("api")
    onehttp.reload({"version": 1, "connections": {"other": {"url": server.url}}})
    with pytest.raises(onehttp.UnknownConnectionError):
        api.submit("POST", "/x", queue="cdr")


def test_messages_of_a_key_arrive_in_their_order(server: RawServer) -> None:
    for number in range(20):
        onehttp.connection("api").submit("POST", f"/{number}", queue="cdr", key="call-1")
    work()
    assert server.targets == [f"POST /v1/{number}?k=v" for number in range(20)]


def test_other_keys_do_not_wait(server: RawServer) -> None:
    for number in range(3):
        onehttp.connection("api").submit("POST", f"/{number}", queue="cdr", key=str(number))
    taken = current_store().take("cdr", 10, 60.0)
    assert len(taken) == 3


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("redis://x", onehttp.ConfigurationError),
        ("sqlite:///proc/none/q.db", onehttp.QueueStoreError),
    ],
)
def test_a_store_that_there_is_not_is_told(url: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        store_at(url)


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "sqlite:", "sqlite:q.db", "sqlite://q.db", "sqlite:///tmp/",
     "sqlite://:memory:", ":memory:", "/", " ", "nats://", "tls:///", "nats://me:secret@"],
)  # fmt: skip
def test_a_url_that_names_nothing_is_answered_with_one_that_does(url: str) -> None:
    with pytest.raises(onehttp.ConfigurationError, match=r"write sqlite:///path/of/file\.db") as no:
        store_at(url)
    assert "secret" not in str(no.value)


def test_there_is_a_default_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_file() == Path("/state/onehttp/queues.db")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_file() == Path("/var/lib/onehttp/queues.db")


def test_threads_that_begin_at_once_have_one_store(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    another_opens = threading.Event()

    def slowly(url: str) -> Any:
        opened.append(url)
        if len(opened) > 1:
            another_opens.set()
        another_opens.wait(0.2)  # for what must not happen
        return store_at(url)

    monkeypatch.setattr(submitting, "store_at", slowly)
    monkeypatch.setattr(submitting._Current, "store", None)
    with ThreadPoolExecutor(4) as threads:
        stores = set(threads.map(lambda _: current_store(), range(4)))
    assert (len(stores), len(opened)) == (1, 1)


def test_a_forked_child_opens_its_store_though_its_parent_did_just_then() -> None:
    with ThreadPoolExecutor(1) as another:
        another.submit(submitting._Current.opening.acquire).result()
        try:
            assert child(lambda: current_store().lengths(), os._exit) == 0
        finally:
            another.submit(submitting._Current.opening.release).result()
