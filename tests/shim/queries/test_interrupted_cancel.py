"""A signal handler raises at any instruction of `submit` or `cancel`: no query stays unanswered."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

import onehttp
from onehttp.queries.limits import QueryLimits
from onehttp_backends.contract import Request, Response
from onehttp_backends.errors import CancelledError
from servers.patience import PATIENCE_S, until
from stand_ins.injection import InstructionInjector, Interrupt, needs_instructions

ROOM: Final = Path(onehttp.__file__).parent
WHAT_IS_INTERRUPTED: Final = (
    f"{ROOM}/calls/callback_driver.py",
    f"{ROOM}/timers.py",
    *(f"{ROOM}/queries/{name}.py" for name in ("admission", "query", "scheduler", "slots")),
)


def answer(request: Request) -> int:
    return 200


@needs_instructions
@pytest.mark.parametrize("waits_for", ["a permit", "a slot"])
def test_every_query_that_was_given_to_somebody_is_answered(waits_for: str) -> None:
    places: set[tuple[str, str, int]] = set()
    slots = QueryLimits(max_in_flight=1) if waits_for == "a slot" else None
    file = {"version": 1, "connections": {"api": {"url": "http://api", "limits": 1}}}
    is_over = False
    while not is_over:
        onehttp.init(file, backend="httpx", handler=answer, queries=slots)
        api = onehttp.connection("api")
        injector = InstructionInjector(places, WHAT_IS_INTERRUPTED)
        queries: list[onehttp.Query] = []
        with api.stream("GET") as before:  # it has the only permit
            first = api.submit("GET")  # and this one the only slot
            with suppress(Interrupt), injector.in_force():
                queries.append(api.submit("GET"))
                queries[0].cancel()
            before.read()
        assert first.result(PATIENCE_S).ok, injector.place
        for query in queries:
            error = query.result(PATIENCE_S).error
            assert error is None or isinstance(error, CancelledError), injector.place
        assert isinstance(api.submit("GET").result(PATIENCE_S).response, Response), injector.place
        until(lambda: not onehttp.query_stats().open)
        until(lambda: not onehttp.connection("api").counters.in_flight)
        is_over = not injector.place
        onehttp.shutdown(0)
    assert len(places) > 30
