"""What every client that has coroutines is put through in the same words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from benchmarks.comparison.probes.behaviour import AsyncCalls
from benchmarks.comparison.probes.kit import Place, Probes

MakeAsync = Callable[..., AsyncCalls]
"""Makes a client with coroutines."""


def add_coroutines(probes: Probes, make: MakeAsync, asked: str = "", **of_http2: object) -> None:
    """Put a client through all of it; what has to be ``asked`` for HTTP/2 is ``of_http2``."""
    probes.add("asyncio", partial(_once, make))
    probes.add("loops", partial(_loops, make))
    probes.add("shared", partial(_shared, make))
    probes.add("multiplex", partial(_multiplexed, make, of_http2), asked)


def _once(make: MakeAsync, place: Place) -> str:
    return asyncio.run(make().aget(place.at("/awaited"))).body.decode()


def _loops(make: MakeAsync, place: Place) -> list[str]:
    """One client, three event loops one after the other."""
    calls = make()
    paths = ("/one", "/two", "/three")
    return [asyncio.run(calls.aget(place.at(path))).body.decode() for path in paths]


def _shared(make: MakeAsync, place: Place) -> Any:
    """A blocking call, and then a task."""
    calls = make()
    calls.get(place.at("/blocking"))
    asyncio.run(calls.aget(place.at("/task")))


def _multiplexed(make: MakeAsync, of_http2: Mapping[str, Any], place: Place) -> int:
    """By how many connections eight tasks have called at once."""
    calls = make(ca=place["ca"], **of_http2)

    async def call() -> int:
        answers = await asyncio.gather(*(calls.aget(f"{place['h2']}/connection") for _ in range(8)))
        return len({answer.body for answer in answers})

    return asyncio.run(call())
