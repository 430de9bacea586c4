"""How long a token takes, and how long it is good."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import onehttp
from servers.raw import RawServer
from stand_ins.calling import call
from stand_ins.streams.reading import giving


@pytest.fixture
def server(api: str) -> Iterator[RawServer]:
    with RawServer(giving(b"x")) as running:
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


@pytest.mark.parametrize("lifetime_s", [0, -5, float("nan"), float("inf"), 10**400])
def test_any_number_is_a_lifetime(server: RawServer, lifetime_s: float) -> None:
    source = onehttp.TokenSource(lambda: ("token1", lifetime_s))
    assert call("request", server.url, auth=source).status == 200
