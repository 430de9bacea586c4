"""What must have become of the queries of a scheduler."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import onehttp
from onehttp.queries.query import Query, QueryState
from onehttp.queries.scheduler import QueryScheduler
from onehttp_backends.contract import Outcome
from stand_ins.queries.scripted import (
    Baton,
    HandWorkers,
    ScriptedBackend,
    Witness,
)

_S = QueryState


@dataclass(eq=False)
class Case:
    """One call of `submit`, and what must have become of it."""

    ledger: Ledger
    url: str
    route: str | None
    witness: Witness | None
    depth: int = 0
    query: Query | None = None
    token: object = None
    state: QueryState = QueryState.WAITING
    outcome: Outcome | None = None
    results: list[onehttp.Result] = field(default_factory=list)
    """What its route got, each time it ran."""
    saw: object = None
    """The transaction that was current in it."""
    was_given_up: bool = False
    baton: Baton = field(default_factory=Baton)

    def answered(self, outcome: Outcome) -> None:
        """Its outcome has come; only the first one counts."""
        if self.state in (_S.WAITING, _S.IN_FLIGHT):
            goes_on = self.route is not None or self.witness is not None
            self.outcome = outcome
            self.state = _S.ROUTE_WAITING if goes_on else _S.ENDED

    @property
    def became(self) -> str:
        assert self.outcome is not None
        return became(self.outcome)

    @property
    def way(self) -> str:
        """How its transaction went on."""
        return "".join(self.witness.ways[self.token]) if self.witness is not None else ""

    @property
    def has_run(self) -> bool:
        return self.route is not None and self.way != "gone" and not self.was_given_up

    @property
    def has_failed(self) -> bool:
        if self.witness is not None and self.witness.fault == "resume":
            return self.has_run
        return self.has_run and self.route in ("raises", "is async")

    def check_route(self) -> None:
        """It ran once at most, with its own result, in its own transaction."""
        assert len(self.results) <= 1
        for result in self.results:
            assert self.query is not None
            assert (result.query_id, result.xdata) == (self.query.id, self)
            assert became(result.error or result.response) == self.became
            assert self.saw is self.witness


@dataclass(eq=False)
class Ledger:
    """The queries of one scheduler."""

    scheduler: QueryScheduler
    backend: ScriptedBackend
    cases: list[Case] = field(default_factory=list)
    refused: int = 0

    @property
    def workers(self) -> HandWorkers:
        workers = self.scheduler._workers
        assert isinstance(workers, HandWorkers)
        return workers

    def of(self, *states: QueryState) -> list[Case]:
        return [case for case in self.cases if case.state in states]

    def has_place(self, url: str) -> bool:
        """Whether a transfer to ``url`` may start."""
        limits = self.scheduler.limits
        flying = self.of(_S.IN_FLIGHT)
        to_it = [case for case in flying if origin(case.url) == origin(url)]
        return len(flying) < (limits.max_in_flight or 1e9) and len(to_it) < (
            limits.max_in_flight_per_origin or 1e9
        )

    def expected(self) -> onehttp.QueryStats:
        ended = self.of(_S.ENDED)
        became = Counter(case.became for case in ended)
        ways = Counter(case.way for case in ended)
        return onehttp.QueryStats(
            submitted=len(self.cases),
            refused=self.refused,
            completed=became["completed"],
            failed=became["failed"],
            cancelled=became["cancelled"],
            suspended=sum(case.witness is not None for case in self.cases),
            resumed=ways["resume"],
            gone=ways["gone"],
            routes_run=sum(case.has_run for case in ended),
            routes_failed=sum(case.has_failed for case in ended),
            routes_not_run=sum(case.was_given_up and case.route is not None for case in ended),
            open=len(self.cases) - len(ended),
        )

    def check(self) -> None:
        assert self.scheduler.stats() == self.expected()
        for case in self.cases:
            assert case.query is not None
            assert case.query.state is case.state, (case, case.query)
            assert case.query.is_answered == (case.outcome is not None)
            case.check_route()
        limits = self.scheduler.limits
        if limits.max_in_flight:
            assert len(self.of(_S.IN_FLIGHT)) <= limits.max_in_flight
        assert not any(self.has_place(case.url) for case in self.of(_S.WAITING)), (
            "nobody waits idly"
        )


def became(outcome: Outcome | None) -> str:
    """How a query with this outcome is counted."""
    if isinstance(outcome, onehttp.CancelledError):
        return "cancelled"
    return "failed" if isinstance(outcome, onehttp.TransferError) else "completed"


def origin(url: str) -> str:
    return url.rpartition("/")[0]
