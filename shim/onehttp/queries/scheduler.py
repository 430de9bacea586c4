"""The way of a query: let in, its transaction suspended, sent, answered, its route run, resumed."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from contextvars import copy_context

from onehttp.queries.account import Account, QueryStats, ShutdownReport
from onehttp.queries.gate import Gate
from onehttp.queries.limits import QueryLimits, QueueFullError
from onehttp.queries.query import Query, QueryState, Start
from onehttp.queries.routes import Routes, RouteTarget, name_of
from onehttp.queries.transaction import Transaction, current
from onehttp.queries.workers import RouteWorkers
from onehttp_backends.contract import Backend, Outcome, Request
from onehttp_backends.errors import (
    CancelledError,
    CurlCode,
    Sent,
    TransferError,
    transfer_error,
)

logger = logging.getLogger("onehttp")


class QueryScheduler:
    """The queries of one process, from `submit` to their end."""

    def __init__(self, backend: Backend, routes: Routes, limits: QueryLimits) -> None:
        self.limits = limits
        self._backend = backend
        self._routes = routes
        self._start_transfer: Start = backend.submit
        self._begin_afresh()
        _schedulers.add(self)

    def _begin_afresh(self) -> None:
        """As new: nothing open, every count at zero, no thread."""
        self.changing = threading.Lock()
        """Guards the states of all queries, and everything that is counted."""
        self._has_room = threading.Condition(self.changing)
        self._has_ended = threading.Condition(self.changing)
        self._account = Account()
        self._open: set[Query] = set()
        self._queued = 0  # open, and their route has not begun
        self._is_closing = False
        self._workers = RouteWorkers(self.limits.workers, self._run)
        limited = self.limits.limits_transfers
        self._gate = Gate(self.limits, self._answered, self.changing) if limited else None

    # ---- in

    def submit(
        self, request: Request, route: RouteTarget, xdata: object, start: Start | None = None
    ) -> Query:
        """Start ``request``; its result goes to ``route``, in the transaction that is current.

        Args:
            start: what sends it; the backend's own ``submit`` unless given.

        Raises:
            UnknownRouteError, QueueFullError, TransactionError, RequestError: nothing was sent,
                and no transaction is suspended.
        """
        query = Query(self, xdata)
        try:
            query.route = self._routes.find(route)
            transaction = current()
            self._let_in(query)
            if transaction is not None:
                self._suspend(query, transaction)
            if transaction is not None or query.route is not None:
                query.context = copy_context()
            self._begin(query, request, start or self._start_transfer)
        except BaseException:
            self._refuse(query)
            raise
        return query

    def _let_in(self, query: Query) -> None:
        with self.changing:
            if self._queued >= self.limits.queue_length > 0 and not self._wait_for_room():
                raise QueueFullError(
                    f"{self._queued} queries are open, as many as may be (queue_length); "
                    "nothing was sent"
                )
            query.become(QueryState.IN_FLIGHT)
            self._open.add(query)
            self._queued += 1
            self._account.submitted += 1

    def _wait_for_room(self) -> bool:
        if self.limits.when_full == "refuse" or _is_in_event_loop():
            return False
        length = self.limits.queue_length
        return self._has_room.wait_for(lambda: self._queued < length, self.limits.wait_s)

    def _suspend(self, query: Query, transaction: Transaction) -> None:
        query.token = transaction.suspend()
        query.transaction = transaction
        with self.changing:
            self._account.suspended += 1

    def _begin(self, query: Query, request: Request, start: Start) -> None:
        if self._gate is not None:
            self._gate.begin(query, request, start)
        else:
            query.attach(start(request, lambda outcome: self._answered(query, outcome)))

    def _refuse(self, query: Query) -> None:
        """Take back a query that could not start."""
        transaction = query.transaction
        account = self._account
        with self.changing:
            if query.state in (QueryState.ROUTE_RUNNING, QueryState.ENDED):
                return  # it has started: an interrupt came while `submit` returned
            if query.state is not QueryState.NEW:
                account.submitted -= 1
                self._leave_queue()
                self._open.discard(query)
            account.refused += 1
            account.suspended -= transaction is not None
            query.become(QueryState.ENDED)
        if transaction is not None:
            transaction.cancel_suspend(query.token)

    # ---- out

    def cancel_waiting(self, query: Query) -> None:
        """End ``query`` if it still waits for a place on the wire."""
        if self._gate is not None:
            self._gate.cancel(query, _cancelled(query, "cancelled"))

    def _answered(self, query: Query, outcome: Outcome) -> None:
        """A query's outcome is there. Called by whoever drives the engine: never waits."""
        query.answer(outcome)
        goes_on = query.route is not None or query.transaction is not None
        with self.changing:
            if query not in self._open:
                return  # this process has forked, and the query is its parent's
            if goes_on:
                query.become(QueryState.ROUTE_WAITING)
            else:
                self._leave_queue()
                self._end(query)
        if goes_on and not self._workers.put(query):
            self._give_up(query)

    def _run(self, query: Query) -> None:
        """Run a query's route, on a worker."""
        with self.changing:
            if query.state is not QueryState.ROUTE_WAITING:
                return  # taken back by `_refuse`
            query.become(QueryState.ROUTE_RUNNING)
            self._leave_queue()
        has_failed = False
        has_run = True
        assert query.context is not None
        try:
            has_run = query.context.run(query.go_on)
        except BaseException:
            has_failed = True
            where = "" if query.route is None else f" {name_of(query.route)}"
            logger.exception("query %d: route%s failed", query.id, where)
        with self.changing:
            if query not in self._open:
                return  # the route has forked: this is the child
            self._note_run(query, has_run, has_failed)
            self._end(query)

    def _note_run(self, query: Query, has_run: bool, has_failed: bool) -> None:
        account = self._account
        if query.transaction is not None:
            if has_run:
                account.resumed += 1
            else:
                account.gone += 1
                logger.info("query %d: its transaction has ended before the answer", query.id)
        if query.route is not None and has_run:
            account.routes_run += 1
            account.routes_failed += has_failed

    def _give_up(self, query: Query) -> None:
        """At a shutdown: nobody runs the route, but the transaction goes on."""
        with self.changing:
            query.become(QueryState.ENDED)
            self._leave_queue()
            self._account.routes_not_run += query.route is not None
        query.route = None
        has_run = True
        try:
            has_run = query.go_on()
        except Exception:
            logger.exception("query %d: its transaction could not go on", query.id)
        with self.changing:
            self._note_run(query, has_run, has_failed=False)
            self._note_end(query)

    def _leave_queue(self) -> None:
        self._queued -= 1
        if self.limits.when_full == "wait":
            self._has_room.notify()

    def _end(self, query: Query) -> None:
        query.become(QueryState.ENDED)
        self._note_end(query)

    def _note_end(self, query: Query) -> None:
        self._open.discard(query)
        account = self._account
        error = query.error
        if error is None:
            account.completed += 1
        elif isinstance(error, CancelledError):
            account.cancelled += 1
        else:
            account.failed += 1
        if self._is_closing:
            self._has_ended.notify_all()

    # ---- the end

    def stats(self) -> QueryStats:
        """What became of the queries so far."""
        with self.changing:
            return self._account.stats(len(self._open))

    def close(self, grace_s: float) -> ShutdownReport:
        """Wait up to ``grace_s`` for the open queries, then end them, and the backend."""
        deadline = time.monotonic() + grace_s
        before = self.stats()
        with self.changing:
            self._is_closing = True
            # A route that shuts down the process does not wait for its own end.
            own = 1 if self._workers.is_worker() else 0
            self._has_ended.wait_for(lambda: len(self._open) <= own, grace_s)
            finished = before.open - len(self._open)
        if self._gate is not None:
            self._gate.close(lambda query: _cancelled(query, "the process was shut down"))
        for query in list(self._open):
            query.cancel()  # also where a policy lets it wait, which the backend knows nothing of
        self._backend.close(max(0.0, deadline - time.monotonic()))
        for query in (left := self._workers.close(deadline)):
            self._give_up(query)
        after = self.stats()
        report = ShutdownReport(
            finished=finished,
            cancelled=after.cancelled - before.cancelled,
            routes_not_run=after.routes_not_run - before.routes_not_run,
            still_open=after.open - own,
        )
        if left or report.cancelled or report.still_open:
            logger.warning("shutdown: %s", report)
        return report

    def forget_parents_queries(self) -> None:
        """In a forked child: open queries are the parent's, which runs their routes."""
        inherited = self._open
        self._workers.abandon()
        self._begin_afresh()
        for query in inherited:
            query.state = QueryState.ENDED
            query.answer(_cancelled(query, "it belongs to the parent process"))


def _cancelled(query: Query, reason: str) -> TransferError:
    return transfer_error(
        CurlCode.ABORTED_BY_CALLBACK, f"query {query.id}: {reason}", sent=Sent.MAYBE
    )


def _is_in_event_loop() -> bool:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


_schedulers: weakref.WeakSet[QueryScheduler] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for scheduler in list(_schedulers):
        scheduler.forget_parents_queries()


os.register_at_fork(after_in_child=_after_fork_in_child)
