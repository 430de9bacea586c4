"""init, shutdown, and calls that come too early or too late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import onehttp
from onehttp_backends.registry import load
from servers.raw import RawServer, keep_answering

URL = "http://127.0.0.1:9/"
CALLS: list[Callable[[], object]] = [
    lambda: onehttp.request("GET", URL),
    lambda: onehttp.submit("GET", URL),
    lambda: onehttp.connection("api"),
    onehttp.connections,
    onehttp.stats,
    onehttp.backend,
    lambda: onehttp.perform(onehttp.Request("GET", URL)),
    lambda: asyncio.run(onehttp.arequest("GET", URL)),  # type: ignore[arg-type]
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


def test_init_again_with_other_settings_names_the_first_place(engine: str) -> None:
    onehttp.init(backend=engine)
    with pytest.raises(onehttp.AlreadyInitialisedError, match=r"at .*test_lifecycle\.py:\d+"):
        onehttp.init({"version": 1}, backend=engine)


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
