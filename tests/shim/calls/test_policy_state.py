"""What a reload does to the state of policies: it lives on where nothing that matters changed."""

from __future__ import annotations

from typing import Any

import pytest

import onehttp
from onehttp.calls.revision import Revision
from onehttp.connections.file.load import load_connections
from onehttp.policies.breaker import BreakerState
from onehttp.policies.limits import Turn
from stand_ins.told import REFUSED, World, file_of


@pytest.fixture
def opened(world: World) -> World:
    """The circuit of ``api`` is open, its one place is taken, and it has counted a retry."""
    world.connect(api=ONE)
    world.answers["api"] = [REFUSED]
    with pytest.raises(onehttp.ConnectError):
        world.call("api")
    policies = world.runtime.revision["api"].policies
    assert policies is not None
    assert policies.limiter is not None
    assert policies.limiter.enter(Turn())
    return world


ONE: dict[str, Any] = {"circuit_breaker": 2, "limits": 1, "retry": 2}


def reload(world: World, **connections: dict[str, Any]) -> None:
    fresh = load_connections(file_of(connections))
    world.runtime.revision = Revision(fresh, world.runtime.revision)


@pytest.mark.parametrize("other", [{}, {"headers": {"X": "1"}}, {"timeout": 9}, {"retry": 5}])
def test_circuit_limits_and_counters_live_on_when_something_else_changes(
    opened: World, other: dict[str, Any]
) -> None:
    reload(opened, api={**ONE, **other})
    counters = onehttp.Connection(opened.runtime, "api").counters
    assert (counters.circuit, counters.in_flight) == (BreakerState.OPEN, 1)
    assert counters.retries == 1


def test_another_server_starts_with_a_closed_circuit_and_free_places(opened: World) -> None:
    reload(opened, api={**ONE, "url": "http://elsewhere"})
    counters = onehttp.Connection(opened.runtime, "api").counters
    assert (counters.circuit, counters.in_flight) == (BreakerState.CLOSED, 0)
    assert opened.call("api").status == 200


def test_a_changed_policy_starts_afresh_and_the_others_live_on(opened: World) -> None:
    reload(opened, api={**ONE, "circuit_breaker": 9})
    counters = onehttp.Connection(opened.runtime, "api").counters
    assert (counters.circuit, counters.in_flight) == (BreakerState.CLOSED, 1)


def test_what_was_removed_has_ended_and_comes_back_as_new(opened: World) -> None:
    reload(opened, other={})
    with pytest.raises(onehttp.UnknownConnectionError):
        opened.call("api")
    reload(opened, api=ONE)
    counters = onehttp.Connection(opened.runtime, "api").counters
    assert (counters.circuit, counters.in_flight, counters.retries) == (BreakerState.CLOSED, 0, 0)


def test_a_call_fails_over_within_the_revision_it_began_with(world: World) -> None:
    world.connect(api={"failover": "backup"}, backup={"url": "http://old"})

    def reloaded() -> Any:
        reload(world, api={}, backup={"url": "http://new"})
        return REFUSED

    world.answers["api"] = [reloaded]
    assert world.call("api").status == 200
    assert world.urls == ["GET http://api", "GET http://old"]
