"""Servers that are silent, slow, endless or gone; processes that fork and are interrupted."""

from __future__ import annotations

from benchmarks.comparison.features.feature import Feature
from benchmarks.comparison.outcome import Outcome
from benchmarks.comparison.world.scripts import FLOOD_BYTES
from benchmarks.comparison.world.world import World

WITHIN_S = 20
"""What ends by itself does so in five: the rest is for a machine that has much else to do."""
LIMIT_S = 25
AT_ONCE_S = 8


def _ends(outcome: Outcome, _world: World) -> str:
    return "" if outcome.has_ended and outcome.seconds < WITHIN_S else outcome.raised


def _refuses_flood(outcome: Outcome, world: World) -> str:
    if world.server.count.sent >= FLOOD_BYTES:
        return f"had taken {FLOOD_BYTES >> 20} MiB when the server stopped"
    return "" if outcome.kind else outcome.raised


def _posts_once(_outcome: Outcome, world: World) -> str:
    times = len(world.server.of("/dies"))
    return "" if times == 1 else f"arrived {times} times"


def _has_child(outcome: Outcome, world: World) -> str:
    before, child = world.server.of("/before"), world.server.of("/child")
    if before and child and child[0].connection == before[0].connection:
        return "the child sent on the connection of its parent"
    return "" if outcome.said is True else "the child got no answer"


def _breaks(outcome: Outcome, _world: World) -> str:
    if outcome.kind or not outcome.has_ended:
        return outcome.raised
    if outcome.said["waited_s"] > AT_ONCE_S:
        return f"it ended after {outcome.said['waited_s']:.0f} s, when the answer was there"
    if "InterruptedByUsError" not in outcome.said["came"]:
        return f"came as {outcome.said['came'] or 'nothing'}"
    after = outcome.said["after"]
    return "" if after == "after" else f"the next call got the answer {after!r}"


def _knows(outcome: Outcome, _world: World) -> str:
    if outcome.kind:
        return outcome.raised
    says = [each["sent"] for each in outcome.said]
    if says == ["NO", "MAYBE"]:
        return ""
    return "no word on it; came as " + " and ".join(f"`{each['class']}`" for each in outcome.said)


FEATURES = (
    Feature(
        "silent", f"A silent server: the call ends within {WITHIN_S} s", _ends, limit_s=LIMIT_S
    ),
    Feature(
        "drip",
        f"A byte now and then, for ever: the call ends within {WITHIN_S} s",
        _ends,
        limit_s=LIMIT_S,
    ),
    Feature(
        "flood", "A body without end: ended by a limit on its size", _refuses_flood, limit_s=LIMIT_S
    ),
    Feature("post-once", "A POST on a kept connection that dies is sent once", _posts_once),
    Feature("sent", "An error says whether the request may have arrived", _knows),
    Feature("fork", "A forked child calls on connections of its own", _has_child),
    Feature(
        "interrupt",
        "An exception out of a signal handler ends a call at once, the next gets its own answer",
        _breaks,
    ),
)
