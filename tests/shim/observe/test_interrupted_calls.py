"""A signal handler that raises anywhere in an observed call: later calls are no part of that."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

import onehttp
from onehttp_backends import observed
from servers.raw import RawServer, echo
from stand_ins.injection import InstructionInjector, Interrupt, needs_instructions


class Begun(observed.Observer):
    """Counts the calls that have begun."""

    def __init__(self) -> None:
        self.calls = 0

    def call_begins(self, call: observed.Call) -> None:
        self.calls += 1


@pytest.fixture
def begun() -> Iterator[Begun]:
    watching = Begun()
    observed.observe(watching)
    yield watching
    observed.leave(watching)


@needs_instructions
@pytest.mark.parametrize("policies", [{}, {"retry": {"attempts": 2}}])
def test_what_was_interrupted_is_no_call_that_later_ones_are_part_of(
    engine: str, begun: Begun, policies: dict[str, object]
) -> None:
    places: set[tuple[str, str, int]] = set()
    with RawServer(echo) as server:
        connection = {"url": server.url, **policies}
        onehttp.init(connections={"version": 1, "connections": {"c": connection}}, backend=engine)
        get: Callable[[], onehttp.Response] = onehttp.connection("c").get
        get()
        while True:
            injector = InstructionInjector(places, (observed.__file__,))
            with contextlib.suppress(Interrupt), injector.in_force():
                get()
            assert observed.current() is None, injector.place
            if not injector.place:
                break
        before = begun.calls
        get()
        assert begun.calls == before + 1
    assert len(places) > 10
