"""One row of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from benchmarks.comparison.outcome import Outcome
from benchmarks.comparison.world.world import World

Judge: TypeAlias = Callable[[Outcome, World], str]
"""What was missing, as a sentence; empty where nothing was."""


@dataclass(frozen=True)
class Feature:
    """A question about a client."""

    name: str
    title: str
    judge: Judge
    environment: Callable[[World], Mapping[str, str]] | None = None
    """Of the process that probes."""
    needs_nginx: bool = False
    needs_redis: bool = False
    """The probe starts one, where its client can use it."""
    limit_s: float = 240.0
    """A probe that has not ended by then does not end. Some probes start other processes, and each
    start may take long on a machine that has much else to do."""


def said(wanted: object) -> Judge:
    """The probe has said this."""

    def judge(outcome: Outcome, _world: World) -> str:
        return "" if outcome.said == wanted and not outcome.kind else outcome.instead

    return judge


def absent_or(judge: Judge) -> Judge:
    """Where the client was searched for a name, that it has none is the answer."""

    def judged(outcome: Outcome, world: World) -> str:
        found = outcome.said
        if isinstance(found, Mapping) and "words" in found:
            if found["found"]:
                raise LookupError(f"to be probed, not searched for: {found['found'][:5]}")
            return "not among its names"
        return judge(outcome, world)

    return judged
