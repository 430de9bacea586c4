"""The way of a query: let in, its transaction suspended, sent, answered, its route run, resumed."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from contextvars import copy_context

from onehttp.errors import NotInitialisedError, QueueFullError
from onehttp.queries.admission import Admission
from onehttp.queries.counts import Account, QueryStats, ShutdownReport
from onehttp.queries.limits import QueryLimits
from onehttp.queries.query import NOT_SUSPENDED, Query, QueryState
from onehttp.queries.result import Start
from onehttp.queries.route_workers import RouteWorkers
from onehttp.queries.routes import Routes, RouteTarget, name_of
from onehttp.queries.transaction import Transaction, current
from onehttp.timers import Timers
from onehttp_backends.contract import Backend, Outcome, Request
from onehttp_backends.errors import (
    CancelledError,
    CurlCode,
    Sent,
    TransferError,
    transfer_error,
)
from onehttp_backends.trace import TracedCall, is_on, step, within

logger = logging.getLogger("onehttp")


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
        self._reset()
        _schedulers.add(self)

    def _reset(self) -> None:
        """As new: nothing open, every count at zero, no thread."""
        self.changing = threading.RLock()
        """Guards the states of all queries, and everything that is counted. Reentrant, since a
        signal handler or a finaliser may submit or cancel in the midst of it."""
        self._has_room = threading.Condition(self.changing)
        self._has_ended = threading.Condition(self.changing)
        self._account = Account()
        self._open: set[Query] = set()
        self._queued = 0  # open, and their route has not begun
        self._is_closing = False
        self._is_awaited = False  # somebody waits for the end of queries
        self._workers = RouteWorkers(self.limits.workers, self._run)
        self._admission: Admission | None = None
        if self.limits.limits_transfers:
            self._admission = Admission(self.limits, self._answered, self.changing, self._timers)

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
        if is_on():
            with within(TracedCall(f"query {query.id}")):
                return self._submit(query, request, route, start)
        return self._submit(query, request, route, start)

    def _submit(
        self, query: Query, request: Request, route: RouteTarget, start: Start | None
    ) -> Query:
        try:
            query.route = self._routes.find(route)
            transaction = current()
            self._let_in(query, transaction)
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

    def _let_in(self, query: Query, transaction: Transaction | None) -> None:
        account = self._account
        with self.changing:
            if self._queued >= self.limits.queue_length > 0 and not self._wait_for_room():
                raise QueueFullError(
                    f"{self._queued} queries are open, as many as may be (queue_length); "
                    "nothing was sent"
                )
            if self._is_closing:
                raise NotInitialisedError("onehttp is being shut down; nothing was sent")
            query.become(QueryState.IN_FLIGHT)
            self._queued += 1
            account.submitted += 1
            account.suspended += transaction is not None
            query.transaction = transaction
            self._open.add(query)  # last: it tells `_refuse` what to take back

    def _wait_for_room(self) -> bool:
        if self.limits.when_full == "refuse" or _is_in_event_loop():
            return False
        length = self.limits.queue_length
        return self._has_room.wait_for(
            lambda: self._queued < length or self._is_closing, self.limits.wait_s
        )

    def _begin(self, query: Query, request: Request, start: Start) -> None:
        if self._admission is not None:
            self._admission.begin(query, request, start)
        else:
            query.attach(start(request, lambda outcome: self._answered(query, outcome)))

    def _refuse(self, query: Query) -> None:
        """Take back a query that could not start."""
        transaction, token = query.transaction, query.token
        account = self._account
        with self.changing:
            if query.state in (QueryState.ROUTE_RUNNING, QueryState.ENDED):
                return  # it has started: an interrupt came while `submit` returned
            account.refused += 1
            if query in self._open:
                account.submitted -= 1
                account.suspended -= transaction is not None
                self._leave_queue()
                self._open.discard(query)
            if self._admission is not None:
                self._admission.leave_line(query)
            query.become(QueryState.ENDED)
            query.let_go()
        if transaction is None or token is NOT_SUSPENDED:
            return
        try:
            transaction.cancel_suspend(token)
        except Exception:
            logger.exception("query %d: its transaction could not be taken up again", query.id)

    # ---- out

    def cancel_waiting(self, query: Query) -> None:
        """End ``query`` if it still waits for a slot on the wire."""
        if self._admission is not None:
            self._admission.cancel(query, _cancelled(query, "cancelled"))

    def _answered(self, query: Query, outcome: Outcome) -> None:
        """A query's outcome is there. Called by whoever drives the engine: never waits."""
        goes_on = query.route is not None or query.transaction is not None
        with self.changing:
            if query.state not in (QueryState.IN_FLIGHT, QueryState.WAITING):
                return  # taken back, interrupted, or (in a forked child) the parent's
            query.become(QueryState.ROUTE_WAITING if goes_on else QueryState.ENDED)
            query.answer(outcome)
            if not goes_on:
                self._leave_queue()
                self._note_end(query)
        query.wake()
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
            what = "its transaction" if query.route is None else f"route {name_of(query.route)}"
            logger.exception("query %d: %s failed", query.id, what)
        if not has_run:
            logger.info("query %d: its transaction has ended before the answer", query.id)
        with self.changing:
            if query not in self._open:
                return  # the route has forked: this is the child
            query.become(QueryState.ENDED)
            self._note_run(query, has_run, has_failed)
            self._note_end(query)

    def _note_run(self, query: Query, has_run: bool, has_failed: bool) -> None:
        account = self._account
        if query.transaction is not None:
            account.resumed += has_run
            account.gone += not has_run
        if query.route is not None and has_run:
            account.routes_run += 1
            account.routes_failed += has_failed

    def _give_up(self, query: Query) -> None:
        """At a shutdown: nobody runs the route, but the transaction goes on."""
        with self.changing:
            if query.state is not QueryState.ROUTE_WAITING:
                return  # taken back by `_refuse`
            query.become(QueryState.ENDED)
            self._leave_queue()
            self._account.routes_not_run += query.route is not None
            query.route = None
        has_run = True
        try:
            has_run = query.go_on()
        except Exception:
            logger.exception("query %d: its transaction failed", query.id)
        with self.changing:
            self._note_run(query, has_run, has_failed=False)
            self._note_end(query)

    def _leave_queue(self) -> None:
        self._queued -= 1
        if self.limits.when_full == "wait":
            self._has_room.notify()

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
        query.let_go()
        if self._is_awaited:
            self._has_ended.notify_all()

    # ---- the end

    def stats(self) -> QueryStats:
        """What became of the queries so far."""
        with self.changing:
            return self._account.stats(len(self._open))

    def drain(self, timeout_s: float | None) -> bool:
        """Wait until no query is open; False: some still are after ``timeout_s``."""
        own = self._own()
        with self.changing:
            self._is_awaited = True
            return self._has_ended.wait_for(lambda: len(self._open) <= own, timeout_s)

    def _own(self) -> int:
        """How many of the open queries the caller is itself: a route does not wait for its end."""
        return 1 if self._workers.is_worker() else 0

    def close(self, grace_s: float) -> ShutdownReport:
        """Wait up to ``grace_s`` for the open queries, then end them, and the backend."""
        deadline = time.monotonic() + grace_s
        with self.changing:
            self._is_closing = True
            self._has_room.notify_all()
            before = self.stats()
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
        for query in list(self._open):
            query.cancel()  # also where a policy lets it wait, which the backend knows nothing of
        self._backend.close(max(0.0, deadline - time.monotonic()))
        self._workers.join(deadline)

    def forget_parents_queries(self) -> None:
        """In a forked child: open queries are the parent's, which runs their routes."""
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
