"""The open queries: admitted as far as there is room, counted, and waited for."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from onehttp.errors import NotInitialisedError, QueueFullError
from onehttp.queries.counts import QueryCounts, QueryStats
from onehttp.queries.limits import QueryLimits
from onehttp.queries.query import Query, QueryState
from onehttp.queries.transaction import Transaction
from onehttp_backends.errors import CancelledError
from onehttp_backends.forks import reentrant_lock


class OpenQueries:
    """The queries that were admitted and have not ended, and the counts of all queries.

    Its lock is that of the scheduler: it also guards the states of the queries.
    """

    def __init__(self, limits: QueryLimits) -> None:
        self._limits = limits
        self.changing = reentrant_lock()
        """Guards the rest. Reentrant, since a signal handler or a finaliser may submit or cancel
        in the midst of it. Held by who calls anything here, but for `stats`, `wait` and `close`."""
        self.has_room = threading.Condition(self.changing)
        self.has_ended = threading.Condition(self.changing)
        self.account = QueryCounts()
        self._open: set[Query] = set()
        self._queued = 0  # open, and their route has not begun
        self._is_closing = False
        self._is_awaited = False  # somebody waits for the end of queries

    def __contains__(self, query: Query) -> bool:
        return query in self._open

    def __iter__(self) -> Iterator[Query]:
        return iter(list(self._open))

    def let_in(self, query: Query, transaction: Transaction | None) -> None:
        """Count ``query`` as open.

        Raises:
            QueueFullError: the queue is full, and no room came in time.
            NotInitialisedError: the process is being shut down.
        """
        if self._queued >= self._limits.queue_length > 0 and not self._wait_for_room():
            raise QueueFullError(
                f"{self._queued} queries are open, as many as may be (queue_length); "
                "nothing was sent"
            )
        if self._is_closing:
            raise NotInitialisedError("onehttp is being shut down; nothing was sent")
        query.become(QueryState.IN_FLIGHT)
        self._queued += 1
        self.account.submitted += 1
        self.account.suspended += transaction is not None
        query.transaction = transaction
        self._open.add(query)  # last: it tells `take_back` what there is to take back

    def take_back(self, query: Query) -> None:
        """Undo `let_in`, because the query could not start."""
        self.account.refused += 1
        if query in self._open:
            self.account.submitted -= 1
            self.account.suspended -= query.transaction is not None
            self.leave_queue()
            self._open.discard(query)

    def leave_queue(self) -> None:
        """Make room in the queue: the route of a query has begun, or there is none."""
        self._queued -= 1
        if self._limits.when_full == "wait":
            self.has_room.notify()

    def note_run(self, query: Query, has_run: bool, has_failed: bool) -> None:
        """Note that the transaction of a query was resumed, and whether its route ran."""
        account = self.account
        if query.transaction is not None:
            account.resumed += has_run
            account.gone += not has_run
        if query.route is not None and has_run:
            account.routes_run += 1
            account.routes_failed += has_failed

    def note_end(self, query: Query) -> None:
        """Note that a query has ended."""
        self._open.discard(query)
        account = self.account
        error = query.error
        if error is None:
            account.completed += 1
        elif isinstance(error, CancelledError):
            account.cancelled += 1
        else:
            account.failed += 1
        query.let_go()
        if self._is_awaited:
            self.has_ended.notify_all()

    def stats(self) -> QueryStats:
        """The counts so far."""
        with self.changing:
            return self.account.stats(len(self._open))

    def wait(self, left: int, timeout_s: float | None) -> bool:
        """Wait until at most ``left`` queries are open; False if they are not after
        ``timeout_s``."""
        with self.changing:
            self._is_awaited = True
            return self.has_ended.wait_for(lambda: len(self._open) <= left, timeout_s)

    def close(self) -> QueryStats:
        """Admit no more queries; returns the counts so far."""
        with self.changing:
            self._is_closing = True
            self.has_room.notify_all()
            return self.stats()

    def _wait_for_room(self) -> bool:
        if self._limits.when_full == "refuse" or _is_in_event_loop():
            return False
        length = self._limits.queue_length
        return self.has_room.wait_for(
            lambda: self._queued < length or self._is_closing, self._limits.wait_s
        )


def _is_in_event_loop() -> bool:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
