"""What an answer in process costs: the double, beside the ``MockTransport`` under it."""

from __future__ import annotations

import asyncio
from typing import Any

import onehttp
from benchmarks.contender import cpu_s
from benchmarks.measure import Row, Run, cpu_us_per_call, interleaved
from onehttp.testing import Double
from onehttp.testing.process_under_test import ProcessUnderTest
from onehttp_backends.double.library import LIBRARY, httpx

URL = "https://api.example/numbers/1"
CALLS = 1000


def in_process(rounds: int) -> list[Row]:
    """Calls that a test makes: of a table of answers, of a route, and awaited."""
    mocked = httpx.MockTransport(lambda request: httpx.Response(200, text="fine"))
    double, process = Double(), ProcessUnderTest()
    double.get("https://api.example/numbers/{number}", text="fine")
    onehttp.shutdown()
    onehttp.init(backend="httpx", answers={f"GET {URL}": "fine"})
    with httpx.Client(transport=mocked) as client:
        found = interleaved(
            {
                "mocked": cpu_us_per_call(lambda: client.get(URL), CALLS),
                "answers": cpu_us_per_call(lambda: onehttp.request("GET", URL), CALLS),
                "awaited": awaited(lambda: onehttp.arequest("GET", URL)),
                "mocked, awaited": awaited(httpx.AsyncClient(transport=mocked).get, URL),
            },
            rounds,
        )
        process.use_double(double)
        routed = cpu_us_per_call(lambda: onehttp.request("GET", URL), CALLS)
        found |= interleaved({"route": routed}, rounds)
        process.end()
    onehttp.shutdown()
    what = f"over {LIBRARY} with its MockTransport"
    figures = {
        f"a call that `answers=` answers, {what}": ("answers", "mocked"),
        f"a call that a route of `onehttp_double` answers, {what}": ("route", "mocked"),
        f"the first of these awaited, {what}": ("awaited", "mocked, awaited"),
    }
    return [
        Row(name, found[ours], found[theirs], "us", "1.0", "0.5")
        for name, (ours, theirs) in figures.items()
    ]


def awaited(call: Any, *arguments: Any) -> Run:
    """A round of calls in one task."""

    def run() -> float:
        async def all_of_them() -> float:
            started = cpu_s()
            for _ in range(CALLS):
                await call(*arguments)
            return (cpu_s() - started) / CALLS * 1e6

        return asyncio.run(all_of_them())

    return run
