"""What keeps many calls to many servers in order, and shows them to who runs it."""

from __future__ import annotations

from benchmarks.comparison.features.feature import Feature, said
from benchmarks.comparison.outcome import Outcome
from benchmarks.comparison.world.world import World


def _in_line(outcome: Outcome, world: World) -> str:
    if outcome.said != ["slow"] * 6:
        return outcome.instead
    most = world.server.most_at_once
    return "" if most <= 2 else f"{most} at once"


def _tried_again(outcome: Outcome, world: World) -> str:
    if outcome.said == 200:
        return ""
    tries = len(world.server.of("/busy"))
    return outcome.raised if outcome.kind else f"{outcome.said} after {tries} attempt of 3 wanted"


def _hooked(outcome: Outcome, _world: World) -> str:
    if outcome.said is None:
        return outcome.instead
    return "" if outcome.said == ["GET", "200"] else f"saw `{outcome.said}`"


def _sent_later(outcome: Outcome, world: World) -> str:
    if outcome.kind or outcome.said != "stored":
        return outcome.instead
    return "" if len(world.server.of("/record")) == 1 else "it did not arrive once"


def _cached(outcome: Outcome, world: World) -> str:
    times = len(world.server.of("/cacheable"))
    return outcome.raised if outcome.kind else "" if times == 1 else f"asked {times} times"


FEATURES = (
    Feature("retry", "Tries again after a 503", _tried_again),
    Feature("retry-after", "Waits as long as `Retry-After` asks for", said("waited")),
    Feature("breaker", "Circuit breaker", said("open")),
    Feature("failover", "Failover to another server", said("by the other")),
    Feature("limit", "A limit on calls in flight, others wait in line", _in_line),
    Feature("rate", "A limit on calls a second", said("held back")),
    Feature(
        "fleet",
        "A limit on calls in flight of several processes together",
        _in_line,
        needs_redis=True,
    ),
    Feature("hooks", "Functions called before each request, and after each answer", _hooked),
    Feature("named", "Named servers in a file, reloaded while running", said("reloaded")),
    Feature("metrics", "Metrics for Prometheus", said("counted")),
    Feature("traces", "Spans for OpenTelemetry", said("traced")),
    Feature("stored", "Stored first, and sent though processes have died", _sent_later),
    Feature("cache", "A cache of answers", _cached),
)
