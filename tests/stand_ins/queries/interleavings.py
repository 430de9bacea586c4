"""Every order of what can happen to queries, on a scripted engine: states, counters, tokens.

The machine follows each query by what passes the seams (the engine took it, its outcome came, a
worker took it) and holds the scheduler to the state and to every counter that follow from that.
"""

from __future__ import annotations

import faulthandler
import os
import warnings
from collections.abc import Callable
from dataclasses import asdict
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

import onehttp
from onehttp.queries import scheduler as scheduler_module
from onehttp.queries.query import QueryState
from onehttp.queries.routes import Routes
from onehttp.queries.scheduler import QueryScheduler
from onehttp.queries.transaction import current
from onehttp.testing import FakeTransactionLayer, ManualClock
from onehttp_backends.contract import Outcome
from onehttp_backends.errors import CurlCode
from servers.patience import PATIENCE_S
from stand_ins.processes import child
from stand_ins.queries.query_ledger import Case, Ledger
from stand_ins.queries.scripted import (
    FaultyTransactionError,
    HandWorkers,
    ScriptedBackend,
    Witness,
    failure,
    response,
)

CHAIN = 3
TIMER_S = 30.0
MODES = ["held", "held", "held", "at once", "unfit", "broken", "interrupted"]
ROUTES = ["replies", "replies", "silent", "raises", "submits", "shuts down", "is async", "", None]
FAULTS = ["", "", "", "", "suspend", "resume", "cancel_suspend"]
LIMITS = st.builds(
    onehttp.QueryLimits,
    queue_length=st.sampled_from([0, 4]),
    max_in_flight=st.sampled_from([0, 0, 1, 3]),
    max_in_flight_per_origin=st.sampled_from([0, 0, 1, 2]),
)
_S = QueryState


class Interleavings(RuleBasedStateMachine):
    """Queries, their transactions and their scheduler, step by step."""

    def __init__(self) -> None:
        super().__init__()
        # Each order has a watchdog of its own: making a failure short takes many.
        faulthandler.dump_traceback_later(4 * PATIENCE_S, exit=True)
        self._patch = patch.object(scheduler_module, "RouteWorkers", HandWorkers)
        self._patch.start()
        self.clock = ManualClock()
        self.layer = FakeTransactionLayer(TIMER_S, self.clock)
        self.witnesses: list[Witness] = []
        self.ledgers: list[Ledger] = []
        self.by_url: dict[str, Case] = {}
        self.forks = 0  # dear, and few orders matter
        self.surprises: list[object] = []
        """What went otherwise in `submit`; kept, since in a route an assertion is but logged."""

    @property
    def ledger(self) -> Ledger:
        """Of the scheduler in use; those before it may still have a route that runs."""
        return self.ledgers[-1]

    @initialize(limits=LIMITS)
    def begin(self, limits: onehttp.QueryLimits) -> None:
        backend = ScriptedBackend(self._passes)
        self.ledgers.append(Ledger(QueryScheduler(backend, Routes(), limits), backend))

    def _passes(self, url: str, outcome: Outcome | None) -> None:
        """What passes the seam to the engine: a start, or an outcome."""
        case = self.by_url[url]
        if outcome is not None:
            case.answered(outcome)
        else:
            case.state = _S.IN_FLIGHT

    # ---- submit

    @rule(
        host=st.sampled_from("abc"),
        mode=st.sampled_from(MODES),
        route=st.sampled_from(ROUTES),
        fault=st.sampled_from(FAULTS),
        which=st.integers(0, 12),
    )
    def submit(self, host: str, mode: str, route: str | None, fault: str, which: int) -> None:
        witness = self._transaction(which, fault)
        self._submit(f"http://{host}.example/{len(self.by_url)}", mode, route, witness)

    def _transaction(self, which: int, fault: str) -> Witness | None:
        """None, a new one, or one that is there, whatever state it is in."""
        if which < 3:
            return None
        if which < 9 or not self.witnesses:
            self.witnesses.append(Witness(self.layer.new("INVITE"), fault))
            return self.witnesses[-1]
        return self.witnesses[-which % len(self.witnesses)]

    def _submit(
        self, url: str, mode: str, route: str | None, witness: Witness | None, depth: int = 0
    ) -> None:
        ledger = self.ledger
        case = self.by_url[url] = Case(ledger, url, route, witness, depth)
        expected = self._expected_refusal(case, mode)
        ledger.backend.modes[url] = mode
        ledger.cases.append(case)
        request = onehttp.Request("GET", url, total_timeout_s=0)
        try:
            with onehttp.transaction(witness):
                case.query = ledger.scheduler.submit(request, self._target(case), case)
        except BaseException as error:  # noqa: BLE001 - of Ctrl-C, too
            if type(error) is not expected:
                self.surprises.append((error, expected))
            ledger.cases.remove(case)
            ledger.refused += 1
            case.state = _S.ENDED
        else:
            if expected is not None:
                self.surprises.append((None, expected))
            case.token = witness.last_token if witness is not None else None

    def _expected_refusal(self, case: Case, mode: str) -> type[BaseException] | None:
        ledger, witness = case.ledger, case.witness
        queued = len(ledger.of(_S.WAITING, _S.IN_FLIGHT, _S.ROUTE_WAITING))
        if case.route == "":
            return onehttp.UnknownRouteError
        if queued >= ledger.scheduler.limits.queue_length > 0:
            return onehttp.QueueFullError
        if witness is not None and witness.fault == "suspend":
            return FaultyTransactionError
        if witness is not None and not witness.is_suspendable:
            return onehttp.TransactionError
        if ledger.has_place(case.url):
            return REFUSALS.get(mode)
        return None

    def _target(self, case: Case) -> Callable[[onehttp.Result], object] | str | None:
        async def is_async(result: onehttp.Result) -> None:
            raise AssertionError("nobody runs it")

        if case.route is None or case.route == "":
            return case.route
        return is_async if case.route == "is async" else lambda result: self._route(case, result)

    # ---- answers, cancellations, time

    @precondition(lambda self: self.ledger.backend.held)
    @rule(which=st.integers(0), ok=st.booleans())
    def answer(self, which: int, ok: bool) -> None:
        held = self.ledger.backend.held
        transfer = held[which % len(held)]
        transfer.end(response() if ok else failure())

    @precondition(lambda self: self.ledger.cases)
    @rule(which=st.integers(0), at_once=st.booleans())
    def cancel(self, which: int, at_once: bool) -> None:
        case = self.ledger.cases[which % len(self.ledger.cases)]
        assert case.query is not None
        self.ledger.backend.cancels_at_once = at_once
        is_open = case.outcome is None
        if case.state is _S.WAITING:
            case.answered(failure(CurlCode.ABORTED_BY_CALLBACK))
        assert case.query.cancel() is is_open

    @precondition(lambda self: self.ledger.of(_S.WAITING))
    @rule(which=st.integers(0))
    def run_out_of_time_in_line(self, which: int) -> None:
        waiting = self.ledger.of(_S.WAITING)
        case = waiting[which % len(waiting)]
        assert case.query is not None
        assert self.ledger.scheduler._admission is not None
        case.answered(failure())
        self.ledger.scheduler._admission._expire(case.query)

    @precondition(lambda self: self.witnesses)
    @rule(which=st.integers(0))
    def caller_cancels(self, which: int) -> None:
        self.witnesses[which % len(self.witnesses)].inner.cancel()

    @rule(seconds=st.sampled_from([TIMER_S / 2, TIMER_S]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.layer.expire()

    # ---- routes

    @precondition(lambda self: self.ledger.workers.line)
    @rule(which=st.integers(0))
    def begin_route(self, which: int) -> None:
        line = self.ledger.workers.line
        query = line[which % len(line)]
        case = next(case for case in self.ledger.cases if case.query is query)
        case.state = _S.ROUTE_RUNNING
        self.ledger.workers.begin(query, case.baton.ended)
        if case.baton.wait() == "ended":
            case.state = _S.ENDED

    @precondition(lambda self: self._running())
    @rule(which=st.integers(0))
    def finish_route(self, which: int) -> None:
        running = self._running()
        case = running[which % len(running)]
        assert case.baton.go_on() == "ended"
        case.state = _S.ENDED

    def _running(self) -> list[Case]:
        return [case for ledger in self.ledgers for case in ledger.of(_S.ROUTE_RUNNING)]

    def _route(self, case: Case, result: onehttp.Result) -> None:
        case.results.append(result)
        case.saw = current()
        case.baton.stop()
        if case.route == "raises":
            raise ZeroDivisionError
        if case.route == "submits" and case.depth < CHAIN:
            self._submit(
                f"{case.url}.{case.depth}", "held", "submits", case.witness, case.depth + 1
            )
        elif case.route == "shuts down":
            self.shut_down_and_begin_again()
        if case.route == "replies" and case.witness is not None:
            case.witness.inner.reply(200, "OK")

    # ---- ends

    @rule()
    def shut_down_and_begin_again(self) -> None:
        self._shut_down()
        self.begin(self.ledger.scheduler.limits)

    def _shut_down(self) -> None:
        ledger = self.ledger
        own = ledger.workers.is_worker()
        before = ledger.expected()
        for case in ledger.of(_S.WAITING):
            case.answered(failure(CurlCode.ABORTED_BY_CALLBACK))
        report = ledger.scheduler.close(0)
        for case in ledger.of(_S.ROUTE_WAITING):
            case.state = _S.ENDED
            case.was_given_up = True
        after = ledger.expected()
        assert report.cancelled == after.cancelled - before.cancelled
        assert report.routes_not_run == after.routes_not_run - before.routes_not_run
        assert report.still_open == after.open - own
        assert report.finished + report.cancelled + report.still_open == before.open - own

    @precondition(lambda self: self.forks < 2)
    @rule()
    def fork(self) -> None:
        self.forks += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads: the point of it
            assert child(self._check_child, os._exit) == 0

    def _check_child(self) -> None:
        """The parent's queries have ended here, nothing is counted, and queries work."""
        ledger = self.ledger
        for case in ledger.cases:
            assert case.query is not None
            assert case.query.state is _S.ENDED
            result = case.query.result(0)
            if case.outcome is not None:
                assert (result.error is None) == (case.became == "completed")
            else:
                assert isinstance(result.error, onehttp.CancelledError)
            assert not case.query.cancel()
        assert not any(asdict(ledger.scheduler.stats()).values())
        for transfer in list(ledger.backend.held):
            transfer.end(response())  # comes too late, and means nothing here
        ledger.cases.clear()
        ledger.refused = 0
        self.witnesses.append(Witness(self.layer.new("INVITE")))
        self._submit("http://child.example/", "at once", "replies", self.witnesses[-1])
        self.begin_route(0)
        self.finish_route(0)
        ledger.check()
        assert self.witnesses[-1].finals == ["200 OK"]

    # ---- what always holds

    @invariant()
    def everything_adds_up(self) -> None:
        for ledger in self.ledgers:
            ledger.check()
        for witness in self.witnesses:
            witness.check()
        assert not self.surprises

    def teardown(self) -> None:
        if self.ledgers:
            while running := self._running():
                running[0].baton.go_on()
                running[0].state = _S.ENDED
            self._shut_down()
            self.everything_adds_up()
            assert not any(ledger.expected().open for ledger in self.ledgers)
            for witness in self.witnesses:
                witness.check_settled()
        self._patch.stop()


REFUSALS: dict[str, type[BaseException]] = {
    "unfit": onehttp.RequestError,
    "broken": RuntimeError,
    "interrupted": KeyboardInterrupt,
}
