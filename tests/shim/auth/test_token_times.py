"""How long a token takes, and how long it is good."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import RawServer
from stand_ins.calling import WAYS_TO_CALL, call
from stand_ins.streams.reading import giving

tenant: ContextVar[str] = ContextVar("tenant")


@pytest.fixture
def server(engine: str) -> Iterator[RawServer]:
    with RawServer(giving(b"x")) as running:
        onehttp.init({"version": 1, "connections": {"api": {"url": running.url}}}, backend=engine)
        yield running


def test_a_coroutine_that_fetches_for_ever_ends_with_its_call(server: RawServer) -> None:
    begun: list[str] = []

    async def fetch() -> str:
        begun.append("fetch")
        if len(begun) == 1:
            try:
                await asyncio.Event().wait()
            finally:
                begun.append("ended")
        return "token1"

    source = onehttp.TokenSource(fetch)

    async def calls() -> list[Any]:
        hanging = onehttp.arequest("GET", server.url, auth=source, timeout=0.05)
        patient = onehttp.arequest("GET", server.url, auth=source)
        return list(await asyncio.gather(hanging, patient, return_exceptions=True))

    late, served = asyncio.run(calls())
    assert isinstance(late, onehttp.TimeoutError)
    assert (late.sent, late.phase) == (onehttp.Sent.NO, onehttp.Phase.QUEUE)
    assert served.status == 200
    assert begun == ["fetch", "ended", "fetch"]


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_a_function_that_fetches_for_ever_outlives_its_call_and_serves_the_next(
    way: str, server: RawServer
) -> None:
    begun: list[str] = []
    go_on = threading.Event()

    def fetch() -> str:
        begun.append("fetch")
        assert go_on.wait(PATIENCE_S)
        return "token1"

    source = onehttp.TokenSource(fetch)
    with pytest.raises(onehttp.TimeoutError, match="no token came within") as late:
        call(way, server.url, auth=source, timeout=0.05)
    assert (late.value.sent, late.value.phase) == (onehttp.Sent.NO, onehttp.Phase.QUEUE)
    go_on.set()
    assert call(way, server.url, auth=source, timeout=PATIENCE_S).status == 200
    assert begun == ["fetch"]


@pytest.mark.parametrize("way", ["request", "arequest"])
@pytest.mark.parametrize("timeout", [None, 0])
def test_an_exit_out_of_a_fetch_is_one_of_its_call(
    way: str, server: RawServer, timeout: float | None
) -> None:
    source = onehttp.TokenSource(sys.exit)
    with pytest.raises(SystemExit):
        call(way, server.url, auth=source, timeout=timeout)
    assert server.requests == []


def test_a_fetch_sees_the_context_of_its_call(server: RawServer) -> None:
    tenant.set("north")
    source = onehttp.TokenSource(lambda: tenant.get())
    assert call("request", server.url, auth=source).status == 200
    assert b"Bearer north" in server.requests[0]


@pytest.mark.parametrize("lifetime_s", [0, -5, float("nan"), float("inf"), 10**400])
def test_any_number_is_a_lifetime(server: RawServer, lifetime_s: float) -> None:
    source = onehttp.TokenSource(lambda: ("token1", lifetime_s))
    assert call("request", server.url, auth=source).status == 200
