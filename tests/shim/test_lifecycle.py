"""init, shutdown, and calls that come too early or too late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import onehttp
from onehttp import lowlevel
from onehttp_backends.registry import load
from servers.raw import RawServer, keep_answering
from stand_ins import processes

URL = "http://127.0.0.1:9/"
CALLS: list[Callable[[], object]] = [
    lambda: onehttp.request("GET", URL),
    lambda: onehttp.submit("GET", URL),
    lambda: onehttp.connection("api"),
    onehttp.connections,
    onehttp.stats,
    onehttp.backend,
    lambda: onehttp.perform(onehttp.Request("GET", URL)),
    lambda: lowlevel.RepeatedCall(onehttp.Request("GET", URL)).perform(),
    lambda: asyncio.run(onehttp.arequest("GET", URL)),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_call_before_init_says_what_to_do(call: Callable[[], object]) -> None:
    with pytest.raises(onehttp.NotInitialisedError, match=r"call onehttp.init\(\) first"):
        call()


@pytest.mark.parametrize("call", CALLS)
def test_a_call_after_shutdown_says_so(call: Callable[[], object], engine: str) -> None:
    onehttp.init(backend=engine)
    onehttp.shutdown()
    with pytest.raises(onehttp.NotInitialisedError, match="was shut down"):
        call()


def test_init_again_with_the_same_settings_does_nothing(engine: str) -> None:
    onehttp.init(backend=engine)
    first = onehttp.backend()
    onehttp.init(backend=engine)
    assert onehttp.backend() is first


ONE: dict[str, Any] = {
    "version": 1,
    "connections": {
        "a": {"url": "http://a", "auth": {"type": "basic", "username": "u", "password": "canary-1"}}
    },
}
OTHER: dict[str, Any] = {
    "version": 1,
    "connections": {
        "a": {
            "url": "http://a",
            "auth": {"type": "basic", "username": "u", "password": "canary-2"},
        },
        "b": {},
    },
}
SECOND_INITS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"source": ONE}, r"connections \(a mapping, before None\)"),
    (
        {"source": ONE},
        {"source": OTHER},
        r"connections \(connections.a.auth.password, connections.b\)",
    ),
    ({"source": ONE}, {"source": "x.yaml"}, r"connections \('/.*/x.yaml', before a mapping\)"),
    ({}, {"backend": "pycurl"}, r"backend \('pycurl', before 'httpx'\)"),
    ({}, {"backend": load("httpx")()}, r"backend \(HttpxBackend object, before 'httpx'\)"),
    ({}, {"queries": onehttp.QueryLimits(workers=7)}, r"queries.workers \(7, before 4\)"),
    ({}, {"secrets": {"vault": str}}, "secrets"),
    ({}, {"answers": {"GET http://canary": 200}}, "answers"),
    ({"handler": print}, {"answers": {}}, "answers, handler"),
]


@pytest.mark.parametrize(("first", "second", "difference"), SECOND_INITS)
def test_init_again_with_other_settings_names_the_first_place_and_what_differs(
    first: dict[str, Any], second: dict[str, Any], difference: str
) -> None:
    onehttp.init(**{"backend": "httpx", **first})
    with pytest.raises(
        onehttp.AlreadyInitialisedError,
        match=rf"already, at .*test_lifecycle\.py:\d+; different here: {difference}; call ",
    ) as raised:
        onehttp.init(**{"backend": "httpx", **second})
    assert "canary" not in str(raised.value)


def test_the_same_connections_by_keyword_or_by_another_path_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onehttp.init(ONE)
    onehttp.init(connections=MappingProxyType(ONE))
    onehttp.shutdown()
    file = tmp_path / "c.yaml"
    file.write_text("version: 1")
    onehttp.init(file)
    monkeypatch.chdir(tmp_path)
    onehttp.init("c.yaml")


def test_a_mapping_changed_after_init_is_another_setting() -> None:
    source = {"version": 1, "connections": {"a": {"url": "http://a.example"}}}
    onehttp.init(source)
    source["connections"]["b"] = {"url": "http://b.example"}  # type: ignore[index]
    with pytest.raises(onehttp.AlreadyInitialisedError):
        onehttp.init(source)
    assert list(onehttp.connections()) == ["a"]


def test_init_may_follow_shutdown(engine: str) -> None:
    onehttp.init(backend=engine)
    onehttp.shutdown()
    onehttp.shutdown()
    assert not onehttp.is_initialised()
    with RawServer(keep_answering) as server:
        onehttp.init({"version": 1, "connections": {"a": {"url": server.url}}}, backend=engine)
        assert onehttp.connection("a").get("/").status == 200


def test_a_ready_backend_is_taken_as_it_is(engine: str) -> None:
    ready = load(engine)()
    onehttp.init(backend=ready)
    assert onehttp.backend() is ready


def test_an_unknown_backend_is_named_with_those_known() -> None:
    with pytest.raises(onehttp.OnehttpError, match=r"pycrul.*pycurl"):
        onehttp.init(backend="pycrul")
    assert not onehttp.is_initialised()


def test_a_failed_init_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(onehttp.ConfigurationError):
        onehttp.init(tmp_path / "missing.yaml")
    onehttp.init()
    assert onehttp.is_initialised()


def test_connections_are_given_once() -> None:
    with pytest.raises(onehttp.ConfigurationError, match="connections="):
        onehttp.init({"version": 1}, connections={"version": 1})


def test_stats_tell_what_was_done(api: str) -> None:
    with RawServer(keep_answering) as server:
        for _ in range(3):
            onehttp.request("GET", server.url)
    stats = onehttp.stats()
    assert stats.backend == api
    assert (stats.transfers, stats.completed, stats.failed, stats.in_flight) == (3, 3, 0, 0)


def output_of(script: str, *arguments: str) -> str:
    """What a Python process of its own prints."""
    done = processes.run(script, *arguments)
    return done.stdout + done.stderr


AT_EXIT = """
import atexit, sys
import onehttp
atexit.register(lambda: print(onehttp.request("GET", sys.argv[2], timeout=60).status))
onehttp.init(backend=sys.argv[1])
if sys.argv[3] == "used":
    onehttp.request("GET", sys.argv[2], timeout=60)
"""


@pytest.mark.parametrize("before", ["used", "unused"])
def test_a_handler_at_exit_that_was_registered_before_init_may_call(
    engine: str, before: str
) -> None:
    with RawServer(keep_answering) as server:
        assert output_of(AT_EXIT, engine, server.url, before) == "200\n"


AFTER_EXIT = """
import atexit
@atexit.register
def leave():
    try:
        onehttp.request("GET", "http://127.0.0.1:1/")
    except onehttp.NotInitialisedError as error:
        print(error)
import onehttp
onehttp.init()
"""


def test_a_handler_older_than_the_library_is_told_that_it_comes_too_late() -> None:
    assert output_of(AFTER_EXIT) == "onehttp was shut down; call onehttp.init() first\n"


UNDER_GEVENT = """
import sys, threading
from gevent import monkey
monkey.patch_all(**eval(sys.argv[2]))
import onehttp
onehttp.init()
query = onehttp.submit("GET", sys.argv[1], timeout=60)
print(onehttp.request("GET", sys.argv[1], timeout=60).status, query.result().response.status)
"""


@pytest.mark.parametrize("patched", [{}, {"select": False}, {"thread": False}])
def test_greenlets_in_place_of_threads_are_refused_with_the_way_out(
    patched: dict[str, bool],
) -> None:
    said = output_of(UNDER_GEVENT, "http://127.0.0.1:1/", repr(patched)).splitlines()[-1]
    assert "BackendUnavailableError: gevent has replaced threads or select" in said
    assert "monkey.patch_all(thread=False, select=False)" in said


LATE_GEVENT = """
import sys
import onehttp
onehttp.init()
if "called" in sys.argv:
    onehttp.request("GET", sys.argv[1], timeout=60)
import warnings
warnings.simplefilter("ignore")
from gevent import monkey
monkey.patch_all()
try:
    onehttp.request("GET", sys.argv[1], timeout=60)
    result = onehttp.submit("GET", sys.argv[1], timeout=60).result()
    print("called,", result.error)
except onehttp.OnehttpError as error:
    print(type(error).__name__, error)
sys.stdout.flush()
import os
os._exit(0)  # what gevent replaces too late has locks that nobody lets go of
"""


@pytest.mark.parametrize(("before", "how"), [("called", "called, "), ("not", "BackendUnavail")])
def test_greenlets_that_come_later_are_refused_too(before: str, how: str) -> None:
    with RawServer(keep_answering) as server:
        said = output_of(LATE_GEVENT, server.url, before).splitlines()[-1]
    assert said.startswith(how)
    assert "gevent has replaced threads or select" in said


def test_the_way_out_works() -> None:
    with RawServer(keep_answering) as server:
        patched = repr({"thread": False, "select": False})
        assert output_of(UNDER_GEVENT, server.url, patched) == "200 200\n"


def test_what_surroundings_provide_gives_way_to_an_init_of_the_script(engine: str) -> None:
    lowlevel.provide()
    lowlevel.provide()
    with RawServer(keep_answering) as server:
        assert onehttp.request("GET", server.url).status == 200
        named = {"version": 1, "connections": {"a": {"url": server.url}}}
        onehttp.init(connections=named, backend=engine)
        assert onehttp.connection("a").get("/x").status == 200
        lowlevel.provide()
        assert onehttp.connection("a").get("/y").status == 200
        with pytest.raises(onehttp.AlreadyInitialisedError):
            onehttp.init(backend=engine)


def test_a_repeated_call_is_made_on_the_engine_of_its_time(engine: str) -> None:
    def body_of(answer: onehttp.Response | tuple[bytes, onehttp.Response]) -> bytes:
        return answer[0] if isinstance(answer, tuple) else answer.body

    with RawServer(keep_answering) as server:
        repeated = lowlevel.RepeatedCall(onehttp.Request("GET", f"{server.url}/p"))
        for _ in range(2):
            onehttp.init(backend=engine)
            assert [body_of(repeated.perform()) for _ in range(3)] == [b"ok"] * 3
            assert onehttp.stats().completed == 3
            onehttp.shutdown()
        assert server.targets == ["GET /p"] * 6


def test_a_repeated_call_that_cannot_be_made_raises_each_time(engine: str) -> None:
    onehttp.init(backend=engine)
    unfit = lowlevel.RepeatedCall(onehttp.Request("GET", "no url"))
    refused = lowlevel.RepeatedCall(onehttp.Request("GET", "http://127.0.0.1:1"))
    for _ in range(2):
        with pytest.raises(onehttp.RequestError):
            unfit.perform()
        with pytest.raises(onehttp.TransferError) as caught:
            refused.perform()
        assert caught.value.code == 7
