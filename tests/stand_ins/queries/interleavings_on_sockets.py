"""Random orders of what can happen to queries, on each real engine and over real sockets.

Every step waits for its own effect: the request is at the server, the transaction is suspended,
the route has run. The server answers when told, the transaction's timer is a clock that is told.
"""

from __future__ import annotations

import faulthandler
import os
import threading
import warnings
from typing import Any, TypeAlias
from unittest.mock import patch

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

import onehttp
from onehttp.queries.open_queries import OpenQueries
from onehttp.queries.query import Query, QueryState
from onehttp.queries.scheduler import QueryScheduler
from onehttp.testing import FakeTransactionLayer, ManualClock, TransactionState
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from stand_ins.processes import child
from stand_ins.queries.ends import Ends, scheduler
from stand_ins.queries.query_on_sockets import Case
from stand_ins.queries.scripted import Witness

CHAIN = 3
TIMER_S = 30.0
SHORT_S = 0.02
"""A transfer's time limit that is to run out."""
ROUTES = ["replies", "raises", "submits", "is async", None]
Refused: TypeAlias = "tuple[str | None, str | None]"
REFUSED: list[Refused] = [
    ("http://", "replies"),
    ("", "replies"),
    ("unfit", None),
    (None, ""),
    (None, "NOWHERE"),
]
"""URLs (None: a good one) and routes that are not accepted."""


class OnSockets(RuleBasedStateMachine):
    """Queries of a process, step by step. Subclassed with an engine."""

    engine = ""

    def __init__(self) -> None:
        super().__init__()
        # Each order has a watchdog of its own: making a failure short takes many.
        faulthandler.dump_traceback_later(4 * PATIENCE_S, exit=True)
        self.server = HoldingServer().__enter__()
        self.clock = ManualClock()
        self.layer = FakeTransactionLayer(TIMER_S, self.clock)
        self.ends = Ends()
        self._patches: list[Any] = [
            patch.object(
                OpenQueries,
                "note_end",
                lambda of, query: self.ends.note_and_ring(of, query),
            ),
            patch.object(Query, "become", _noting(self, Query.become)),
        ]
        for each in self._patches:
            each.start()
        self.paths = 0
        self.forks = 0
        self.witnesses: list[Witness] = []
        self.cases: dict[Query, Case] = {}
        self.refused = 0
        self._begin()

    def _begin(self) -> None:
        onehttp.init(backend=self.engine)
        self.cases = {}
        self.refused = 0

    @property
    def open(self) -> list[Case]:
        """Those whose request is at the server and not answered."""
        return [case for case in self.cases.values() if case.held is not None]

    # ---- submit

    @rule(
        is_suspended=st.booleans(),
        route=st.sampled_from(ROUTES),
        end=st.sampled_from(["later", "later", "later", "times out", "is cancelled at once"]),
    )
    def submit(self, is_suspended: bool, route: str | None, end: str) -> None:
        witness = self._new_witness() if is_suspended else None
        case = self._submit(route, witness, SHORT_S if end == "times out" else PATIENCE_S)
        assert case.query is not None
        if end == "is cancelled at once":
            assert case.query.cancel()
        if end == "later":
            case.held = self.server.arrival(case.path)
        else:
            self._finish(case)

    def _new_witness(self) -> Witness:
        self.witnesses.append(Witness(self.layer.new("INVITE")))
        return self.witnesses[-1]

    def _submit(
        self, route: str | None, witness: Witness | None, timeout_s: float, depth: int = 0
    ) -> Case:
        self.paths += 1
        case = Case(f"/{self.paths}", route, witness, depth)

        def run(result: onehttp.Result) -> None:
            self._run(case, result)

        async def run_async(result: onehttp.Result) -> None:
            raise AssertionError("nobody runs it")

        target = None if route is None else run_async if route == "is async" else run
        with onehttp.transaction(witness):
            query = onehttp.submit(
                "GET", self.server.url + case.path, route=target, timeout=timeout_s, xdata=case
            )
        case.query = query
        self.cases[query] = case
        return case

    def _run(self, case: Case, result: onehttp.Result) -> None:
        case.results.append(result)
        if case.route == "raises":
            raise ZeroDivisionError
        if case.route == "submits" and case.depth < CHAIN:
            next_one = self._submit(case.route, case.witness, PATIENCE_S, case.depth + 1)
            next_one.held = self.server.arrival(next_one.path)
        elif case.witness is not None:
            case.witness.inner.reply(200, "OK")

    @rule(fault=st.sampled_from(REFUSED), is_suspended=st.booleans())
    def submit_what_cannot_be(self, fault: Refused, is_suspended: bool) -> None:
        url, route = fault
        witness = self._new_witness() if is_suspended else None
        target = (lambda result: None) if route == "replies" else route
        with onehttp.transaction(witness), pytest.raises(onehttp.OnehttpError):
            onehttp.submit("GET", self.server.url if url is None else url, route=target)
        self.refused += 1
        if witness is not None:
            assert witness.inner.state is TransactionState.PROCEEDING

    @precondition(lambda self: self.witnesses)
    @rule(which=st.integers(0))
    def submit_in_a_transaction_that_is_there(self, which: int) -> None:
        witness = self.witnesses[which % len(self.witnesses)]
        if witness.is_suspendable:
            case = self._submit("replies", witness, PATIENCE_S)
            case.held = self.server.arrival(case.path)
        else:
            with pytest.raises(onehttp.TransactionError):
                self._submit("replies", witness, PATIENCE_S)
            self.refused += 1

    # ---- what comes, in any order

    def _finish(self, case: Case) -> None:
        assert case.query is not None
        self.ends.wait(case.query)
        case.held = None

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0), by_closing=st.booleans())
    def answer(self, which: int, by_closing: bool) -> None:
        case = self.open[which % len(self.open)]
        assert case.held is not None
        if by_closing:
            case.held.close()
        else:
            case.held.answer()
        self._finish(case)
        assert case.query is not None
        assert case.query.result(0).ok is not by_closing

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0))
    def cancel(self, which: int) -> None:
        case = self.open[which % len(self.open)]
        assert case.query is not None
        assert case.held is not None
        assert case.query.cancel()
        held = case.held
        self._finish(case)
        held.close()
        assert isinstance(case.query.error, onehttp.CancelledError)
        assert not case.query.cancel()

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0))
    def cancel_as_the_answer_comes(self, which: int) -> None:
        case = self.open[which % len(self.open)]
        assert case.query is not None
        assert case.held is not None
        case.held.answer()
        case.query.cancel()
        self._finish(case)

    @precondition(lambda self: self.witnesses)
    @rule(which=st.integers(0))
    def caller_cancels(self, which: int) -> None:
        self.witnesses[which % len(self.witnesses)].inner.cancel()

    @rule()
    def timers_fire(self) -> None:
        self.clock.advance(TIMER_S)
        self.layer.expire()

    @precondition(lambda self: self.open)
    @rule()
    def answer_all_as_timers_fire(self) -> None:
        """The transaction layer and the engine race for each of them."""
        cases = self.open
        self.clock.advance(TIMER_S)
        expiring = threading.Thread(target=self.layer.expire)
        expiring.start()
        for case in cases:
            assert case.held is not None
            case.held.answer()
        expiring.join(PATIENCE_S)
        for case in cases:
            self._finish(case)

    # ---- shutdown, fork

    @rule(answers=st.integers(0, 2))
    def shut_down_and_begin_again(self, answers: int) -> None:
        """With ``answers`` that come while it waits, and nothing more for the others."""
        for case in self.open[:answers]:
            assert case.held is not None
            case.held.answer()
        was_open = onehttp.query_stats().open
        queries = scheduler()
        report = onehttp.shutdown()
        assert report.finished + report.cancelled + report.still_open <= was_open
        self.ends.wait(*self.cases)
        self._check_settled(queries)
        self._begin()

    @precondition(lambda self: self.forks < 1)
    @rule()
    def fork(self) -> None:
        self.forks += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads: the point of it
            assert child(self._check_child, os._exit) == 0

    def _check_child(self) -> None:
        """The parent's queries have ended here, and queries of its own work."""
        for case in self.open:
            assert case.query is not None
            assert isinstance(case.query.result(0).error, onehttp.CancelledError)
        assert onehttp.query_stats() == onehttp.QueryStats(**dict.fromkeys(_COUNTERS, 0))
        with HoldingServer() as self.server:
            case = self._submit("replies", self._new_witness(), PATIENCE_S)
            self.server.arrival(case.path).answer()
            self._finish(case)
            assert case.query is not None
            assert case.query.result(0).ok
            assert onehttp.query_stats().resumed == 1
            assert onehttp.shutdown(PATIENCE_S) == onehttp.ShutdownReport()

    # ---- what always holds

    @invariant()
    def everything_adds_up(self) -> None:
        for witness in self.witnesses:
            witness.check()
        for case in self.cases.values():
            case.check()
        stats = onehttp.query_stats()
        suspended = [case for case in self.open if case.witness is not None]
        assert stats.open == len(self.open)
        assert stats.submitted == len(self.cases)
        assert stats.submitted == stats.completed + stats.failed + stats.cancelled + stats.open
        assert stats.refused == self.refused
        assert stats.suspended == stats.resumed + stats.gone + len(suspended)

    def _check_settled(self, queries: QueryScheduler) -> None:
        stats = queries.stats()
        assert stats.open == 0
        assert stats.submitted == stats.completed + stats.failed + stats.cancelled
        assert stats.suspended == stats.resumed + stats.gone
        for witness in self.witnesses:
            witness.check_settled()
            if witness.ways and list(witness.ways.values())[-1] != ["cancel_suspend"]:
                assert len(witness.finals) == 1, witness.inner.responses

    def teardown(self) -> None:
        queries = scheduler()
        onehttp.shutdown()
        self._check_settled(queries)
        self.server.__exit__(None, None, None)
        for each in self._patches:
            each.stop()


_COUNTERS = tuple(onehttp.QueryStats.__dataclass_fields__)


def _noting(machine: OnSockets, become: object) -> object:
    """`Query.become` that keeps the states of each query's case, too."""

    def become_and_note(query: Query, state: QueryState) -> None:
        become(query, state)  # type: ignore[operator]
        if isinstance(query.xdata, Case):
            query.xdata.states.append(state)

    return become_and_note
