"""What every client that has coroutines is put through in the same words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.comparison.probes.behaviour import AsyncCalls
from benchmarks.comparison.probes.kit import Place, Probes

MakeAsync = Callable[[], AsyncCalls]
"""Makes a client with coroutines, at its defaults."""


def add_coroutines(probes: Probes, make: MakeAsync) -> None:
    """Put a client through all of it."""
    probes.add("asyncio", partial(_once, make))
    probes.add("loops", partial(_loops, make))
    probes.add("shared", partial(_shared, make))


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
