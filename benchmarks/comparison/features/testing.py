"""What code that calls is tested with."""

from __future__ import annotations

from benchmarks.comparison.features.feature import Feature, said
from benchmarks.comparison.outcome import Outcome
from benchmarks.comparison.world.world import World


def _nothing_left(outcome: Outcome, world: World) -> str:
    if outcome.said != "canned":
        return outcome.instead
    return "the server was asked all the same" if world.server.seen else ""


def _played(outcome: Outcome, world: World) -> str:
    if outcome.said != "played":
        return outcome.instead
    times = len(world.server.of("/recorded"))
    return "" if times == 1 else f"the server was asked {times} times"


FEATURES = (
    Feature("double", "Canned answers in place of the network", _nothing_left),
    Feature("asgi", "Calls an ASGI application without a server", said("by the application")),
    Feature("recordings", "Records calls, and plays them back", _played),
)
