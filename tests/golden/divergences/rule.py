"""One way in which a kind of case is replayed differently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from golden.replay.recordings import Case
from onehttp_compat.parameters import LegacyBugs

Predicate = Callable[[Case], bool]


@dataclass(frozen=True)
class Rule:
    """One way in which a kind of case is replayed differently.

    Without ``expectation`` the case is replayed in faithful mode; with it, the recorded
    expectation is replaced by what it returns. ``backend`` restricts it to one engine.
    """

    bug: str
    why: str
    applies: Predicate
    expectation: Callable[[Case], Case] | None = None
    backend: str | None = None


class Verdict(NamedTuple):
    """How to replay a case."""

    case: Case
    legacy_bugs: LegacyBugs
    rules: list[Rule]
