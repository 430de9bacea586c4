"""``StopIteration`` out of somebody else's function is a mistake like any other: no end of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import RawServer
from stand_ins.streams.reading import giving

NAMED = {"retry": 2, "limits": 8, "redirects": 3}


def stops(*_: Any) -> Any:
    raise StopIteration("mine")


def blocking(connection: Any, **call: Any) -> Any:
    return connection.put("/x", **call)


def awaited(connection: Any, **call: Any) -> Any:
    return asyncio.run(connection.aput("/x", **call))


def submitted(connection: Any, **call: Any) -> Any:
    result = connection.submit("PUT", "/x", **call).result(PATIENCE_S)
    if result.error is not None:
        raise result.error.__cause__
    return result.response


WAYS = [blocking, awaited, submitted]


def refused(do: Callable[[], Any]) -> None:
    with pytest.raises(RuntimeError, match="StopIteration") as caught:
        do()
    assert isinstance(caught.value.__cause__, StopIteration)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hook", ["on_attempt", "on_response", "on_error"])
def test_stop_iteration_in_a_hook_is_an_error(
    engine: str, way: Callable[..., Any], hook: str
) -> None:
    with RawServer(giving(b"x")) as server:
        url = server.url if hook != "on_error" else "http://127.0.0.1:1"
        hooks: dict[str, Any] = {hook: stops}
        config = {"version": 1, "connections": {"api": {"url": url, **NAMED}}}
        onehttp.init(config, backend=engine, hooks=onehttp.Hooks(**hooks))
        refused(lambda: way(onehttp.connection("api"), body=b"x"))


@pytest.mark.parametrize("way", WAYS)
def test_stop_iteration_in_a_token_fetch_is_an_error(engine: str, way: Callable[..., Any]) -> None:
    with RawServer(giving(b"x")) as server:
        config = {"version": 1, "connections": {"api": {"url": server.url, **NAMED}}}
        onehttp.init(config, backend=engine)
        refused(lambda: way(onehttp.connection("api"), auth=onehttp.TokenSource(stops)))


@pytest.mark.parametrize("way", [blocking, awaited])
def test_stop_iteration_in_a_progress_function_is_an_error(
    engine: str, way: Callable[..., Any]
) -> None:
    with RawServer(giving(b"x")) as server:
        config = {"version": 1, "connections": {"api": {"url": server.url, **NAMED}}}
        onehttp.init(config, backend=engine)
        refused(lambda: way(onehttp.connection("api"), body=[b"x" * 1000], progress=stops))


@pytest.mark.parametrize("hook", ["on_attempt", "on_response", "on_error"])
def test_a_hook_that_is_no_function_is_named(hook: str) -> None:
    wrong: dict[str, Any] = {hook: 5}
    with pytest.raises(TypeError, match=f"{hook}: expected a function, got int"):
        onehttp.Hooks(**wrong)
