"""A query of a process that was accepted, and the states it went through."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import onehttp
from onehttp.queries.query import TRANSITIONS, Query, QueryState
from servers.holding import Held
from stand_ins.queries.scripted import Witness


@dataclass(eq=False)
class Case:
    """One query that was accepted."""

    path: str
    route: str | None
    witness: Witness | None
    depth: int = 0
    query: Query | None = None
    held: Held | None = None
    results: list[onehttp.Result] = field(default_factory=list)
    states: list[QueryState] = field(default_factory=lambda: [QueryState.NEW])

    def check(self) -> None:
        """Its states followed the table; its route ran at most once."""
        for before, after in pairwise(self.states):
            assert after in TRANSITIONS[before]
        assert len(self.results) <= 1
