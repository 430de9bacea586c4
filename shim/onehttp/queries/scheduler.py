"""Moves a query through its states: admitted, transaction suspended, sent, answered, route run,
transaction resumed."""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections.abc import Callable
from contextvars import copy_context
from typing import Final

from onehttp.queries.admission import Admission
from onehttp.queries.counts import QueryStats, ShutdownReport
from onehttp.queries.limits import QueryLimits
from onehttp.queries.open_queries import OpenQueries
from onehttp.queries.query import NOT_SUSPENDED, Query, QueryState
from onehttp.queries.result import Start
from onehttp.queries.route_workers import RouteWorkers
from onehttp.queries.routes import Routes, RouteTarget, name_of
from onehttp.queries.transaction import current
from onehttp.timers import Timers
from onehttp_backends.contract import Backend, Outcome, Request
from onehttp_backends.errors import (
    CurlCode,
    Sent,
    TransferError,
    transfer_error,
)
from onehttp_backends.observed import Call, is_on, resumed, step

logger = logging.getLogger("onehttp")


SETTLING_S: Final = 0.5
"""How long a shutdown waits for outcomes that another thread is handing out."""


class QueryScheduler:
    """The queries of one process, from `submit` to their end."""

    def __init__(
        self, backend: Backend, routes: Routes, limits: QueryLimits, timers: Timers | None = None
    ) -> None:
        self.limits = limits
        self._timers = Timers() if timers is None else timers
        self._backend = backend
        self._routes = routes
        self._start_transfer: Start = backend.submit
        self.is_told: Callable[[str, BaseException], object] | None = None
        """Called with the errors of routes, in addition to the log."""
        self._reset()
        _schedulers.add(self)

    def _reset(self) -> None:
        """Start anew: no open queries, all counts at zero, no thread."""
        self._open = OpenQueries(self.limits)
        self.changing = self._open.changing
        self._workers = RouteWorkers(self.limits.workers, self._run)
        self._admission: Admission | None = None
        if self.limits.limits_transfers:
            self._admission = Admission(self.limits, self._answered, self.changing, self._timers)

    # ---- in

    def submit(
        self, request: Request, route: RouteTarget, xdata: object, start: Start | None = None
    ) -> Query:
        """Start ``request``. Its result goes to ``route``, in the transaction that is current.

        Args:
            start: starts the transfer; by default the backend's own ``submit``.

        Raises:
            UnknownRouteError, QueueFullError, TransactionError, RequestError: nothing was sent, and
                no transaction is suspended.
        """
        query = Query(self, xdata)
        if is_on():
            call = query.observed = Call(request, f"query {query.id}")
            try:
                with resumed(call):
                    return self._submit(query, request, route, start)
            except BaseException as error:
                self._tell_end(query, error if isinstance(error, TransferError) else None)
                raise
        return self._submit(query, request, route, start)

    def _submit(
        self, query: Query, request: Request, route: RouteTarget, start: Start | None
    ) -> Query:
        try:
            query.route = self._routes.find(route)
            transaction = current()
            with self.changing:
                self._open.let_in(query, transaction)
            if transaction is not None:
                query.token = transaction.suspend()
                step("transaction suspended")
            if transaction is not None or query.route is not None:
                query.context = copy_context()
            self._begin(query, request, start or self._start_transfer)
        except BaseException:
            self._refuse(query)
            raise
        return query

    def _begin(self, query: Query, request: Request, start: Start) -> None:
        if self._admission is not None:
            self._admission.begin(query, request, start)
        else:
            query.attach(start(request, lambda outcome: self._answered(query, outcome)))

    def _refuse(self, query: Query) -> None:
        """Take back a query that could not start."""
        transaction, token = query.transaction, query.token
        with self.changing:
            if query.state in (QueryState.ROUTE_RUNNING, QueryState.ENDED):
                return  # it has started: an interrupt came while `submit` returned
            self._open.take_back(query)
            if self._admission is not None:
                self._admission.leave_line(query)
            query.become(QueryState.ENDED)
            query.let_go()
        if transaction is None or token is NOT_SUSPENDED:
            return
        try:
            transaction.cancel_suspend(token)
        except Exception:  # whatever somebody's transaction raises: why it is refused comes first
            logger.exception("query %d: its transaction could not be taken up again", query.id)

    def handed_over(self, xdata: object, stored: str = "") -> Query:
        """A query that another process will send. In this one it has ended.

        Args:
            stored: its id, if a durable queue holds it.
        """
        query = Query(self, xdata)
        query.stored = stored
        with self.changing:
            query.become(QueryState.ENDED)
        query.answer(_cancelled(query, "handed over: its answer goes to its route alone"))
        return query

    # ---- out

    def cancel_waiting(self, query: Query) -> None:
        """End ``query`` if it still waits for a slot."""
        if self._admission is not None:
            self._admission.cancel(query, _cancelled(query, "cancelled"))

    def _answered(self, query: Query, outcome: Outcome) -> None:
        """Take the outcome of a query. The driver of the engine calls this, so it never waits."""
        goes_on = query.route is not None or query.transaction is not None
        with self.changing:
            if query.state in (QueryState.IN_FLIGHT, QueryState.WAITING):
                query.outcome = outcome
                query.become(QueryState.ROUTE_WAITING if goes_on else QueryState.ENDED)
            elif query.outcome is not outcome:
                return  # taken back, interrupted, or (in a forked child) the parent's
            # Else again, since a signal handler has raised in the midst of what follows.
        try:
            if query.observed is not None:
                self._tell_end(query, outcome)  # before whoever looks for the answer sees it
        finally:
            self._hand_over(query, outcome, goes_on)

    def _hand_over(self, query: Query, outcome: Outcome, goes_on: bool) -> None:
        with self.changing:
            query.answer(outcome)
            if not goes_on and query in self._open:
                self._open.leave_queue()
                self._open.note_end(query)
        query.wake()
        if goes_on and not self._workers.put(query):
            self._give_up(query)

    def _tell_end(self, query: Query, outcome: Outcome | None) -> None:
        """Report the end of the call to observers, once."""
        with self.changing:
            call, query.observed = query.observed, None
        if call is not None:
            call.ended(outcome)

    def _run(self, query: Query) -> None:
        """Run the route of a query, in a worker."""
        with self.changing:
            if query.state is not QueryState.ROUTE_WAITING:
                return  # taken back by `_refuse`
            query.become(QueryState.ROUTE_RUNNING)
            self._open.leave_queue()
        has_failed = False
        has_run = True
        assert query.context is not None
        try:
            has_run = query.context.run(query.go_on)
        except BaseException as error:
            has_failed = True
            what = "its transaction" if query.route is None else f"route {name_of(query.route)}"
            logger.exception("query %d: %s failed", query.id, what)
            if self.is_told is not None:
                self.is_told(what, error)
        if not has_run:
            logger.info("query %d: its transaction has ended before the answer", query.id)
        with self.changing:
            if query not in self._open:
                return  # the route has forked: this is the child
            query.become(QueryState.ENDED)
            self._open.note_run(query, has_run, has_failed)
            self._open.note_end(query)

    def _give_up(self, query: Query) -> None:
        """During a shutdown: resume the transaction without running the route."""
        with self.changing:
            if query.state is not QueryState.ROUTE_WAITING:
                return  # taken back by `_refuse`
            query.become(QueryState.ENDED)
            self._open.leave_queue()
            self._open.account.routes_not_run += query.route is not None
            query.route = None
        has_run = True
        try:
            has_run = query.go_on()
        except Exception:  # whatever somebody's transaction raises: the others go on, and all count
            logger.exception("query %d: its transaction failed", query.id)
        with self.changing:
            self._open.note_run(query, has_run, has_failed=False)
            self._open.note_end(query)

    # ---- the end

    def stats(self) -> QueryStats:
        """The counts of queries so far."""
        return self._open.stats()

    def drain(self, timeout_s: float | None) -> bool:
        """Wait until no query is open; False if some still are after ``timeout_s``."""
        return self._open.wait(self._own(), timeout_s)

    def _own(self) -> int:
        """The number of open queries (0 or 1) whose route the calling thread runs: a route must not
        wait for its own end."""
        return 1 if self._workers.is_worker() else 0

    def close(self, grace_s: float) -> ShutdownReport:
        """Wait up to ``grace_s`` for open queries, then end them and close the backend."""
        deadline = time.monotonic() + grace_s
        before = self._open.close()
        try:
            self.drain(grace_s)
        except BaseException:
            deadline = 0.0  # Ctrl-C: no patience any more
            raise
        finally:
            in_time = self.stats()
            self._end_all(deadline)
        after = self.stats()
        cancelled = after.cancelled - in_time.cancelled
        report = ShutdownReport(
            finished=before.open - after.open - cancelled,
            cancelled=cancelled,
            routes_not_run=after.routes_not_run - before.routes_not_run,
            still_open=after.open - self._own(),
        )
        if report.cancelled or report.routes_not_run or report.still_open:
            logger.warning("shutdown: %s", report)
        return report

    def _end_all(self, deadline: float) -> None:
        for query in self._workers.close():
            self._give_up(query)
        if self._admission is not None:
            self._admission.close(lambda query: _cancelled(query, "the process was shut down"))
        for query in self._open:
            query.cancel()  # also where a policy lets it wait, which the backend knows nothing of
        self._backend.close(max(0.0, deadline - time.monotonic()))
        self._workers.join(deadline)
        # Who drove may be handing out, on a thread of its own, what the close has ended.
        self._open.wait(self._own(), SETTLING_S)

    def forget_parents_queries(self) -> None:
        """In a forked child: drop open queries. The parent runs their routes."""
        inherited = self._open
        self._workers.abandon()
        if self._admission is not None:
            self._admission.abandon()
        self._reset()
        for query in inherited:
            query.state = QueryState.ENDED
            if not query.is_answered:
                query.answer(_cancelled(query, "it belongs to the parent process"))
            query.wake()


def _cancelled(query: Query, reason: str) -> TransferError:
    return transfer_error(
        CurlCode.ABORTED_BY_CALLBACK, f"query {query.id}: {reason}", sent=Sent.MAYBE
    )


_schedulers: weakref.WeakSet[QueryScheduler] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for scheduler in list(_schedulers):
        scheduler.forget_parents_queries()


os.register_at_fork(after_in_child=_after_fork_in_child)
