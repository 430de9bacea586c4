"""Where queries wait for a place on the wire, when only so many may be there at once."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from onehttp.queries.deadlines import Deadlines
from onehttp.queries.limits import QueryLimits
from onehttp.queries.query import Query, QueryState
from onehttp.queries.result import Start
from onehttp_backends.contract import Outcome, Request
from onehttp_backends.errors import (
    CurlCode,
    OnehttpError,
    Phase,
    RequestError,
    TransferError,
    transfer_error,
)
from onehttp_backends.request_rules import check_headers, check_request

logger = logging.getLogger("onehttp")


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a query in line is to start."""

    request: Request
    start: Start
    due: float | None
    """When its time is over (monotonic)."""


class Slots:
    """So many places in all, so many for each origin; who finds none waits, origins take turns."""

    def __init__(self, limits: QueryLimits) -> None:
        self._max = limits.max_in_flight or float("inf")
        self._max_per_origin = limits.max_in_flight_per_origin or float("inf")
        self._taken: set[Query] = set()
        self._taken_by_origin: dict[str, int] = {}
        self._lines: dict[str, OrderedDict[Query, Waiting]] = {}
        self._turns: dict[str, None] = {}
        """Origins with somebody in line and a place left, the next one first."""

    def take(self, query: Query, waiting: Waiting) -> bool:
        """Take a place, or (False) stand in line for one."""
        origin = query.origin
        is_left = self._taken_by_origin.get(origin, 0) < self._max_per_origin
        if is_left and len(self._taken) < self._max:
            self._take(query)
            return True
        self._lines.setdefault(origin, OrderedDict())[query] = waiting
        if is_left:
            self._turns[origin] = None
        return False

    def give_back(self, query: Query) -> None:
        """The place of ``query``, if it has one, is free again."""
        if query not in self._taken:
            return
        self._taken.discard(query)
        origin = query.origin
        taken = self._taken_by_origin[origin] - 1
        if taken:
            self._taken_by_origin[origin] = taken
        else:
            del self._taken_by_origin[origin]
        if origin in self._lines:
            self._turns[origin] = None

    def next(self) -> tuple[Query, Waiting] | None:
        """Whose turn it is; has its place now."""
        if not self._turns or len(self._taken) >= self._max:
            return None
        origin = next(iter(self._turns))
        del self._turns[origin]
        query, waiting = self._lines[origin].popitem(last=False)
        self._take(query)
        if not self._lines[origin]:
            del self._lines[origin]
        elif self._taken_by_origin[origin] < self._max_per_origin:
            self._turns[origin] = None  # behind the others
        return query, waiting

    def leave_line(self, query: Query) -> bool:
        """Wait no more; False when it did not."""
        line = self._lines.get(query.origin)
        if line is None or line.pop(query, None) is None:
            return False
        if not line:
            del self._lines[query.origin]
            self._turns.pop(query.origin, None)
        return True

    def forget_lines(self) -> None:
        """Nobody waits."""
        self._lines.clear()
        self._turns.clear()

    def in_line(self) -> list[Query]:
        """Everybody who waits."""
        return [query for line in self._lines.values() for query in line]

    def _take(self, query: Query) -> None:
        self._taken.add(query)
        origin = query.origin
        self._taken_by_origin[origin] = self._taken_by_origin.get(origin, 0) + 1


class Admission:
    """Starts queries as places allow.

    Args:
        answered: takes the outcome of each.
        changing: the scheduler's lock; guards the places too.
    """

    def __init__(
        self,
        limits: QueryLimits,
        answered: Callable[[Query, Outcome], None],
        changing: threading.RLock,
    ) -> None:
        self._answered = answered
        self._changing = changing
        self._places = Slots(limits)
        self._is_starting = False
        """Somebody is starting those in line, and will see a place that becomes free."""
        self._deadlines = Deadlines(self._expire)

    def begin(self, query: Query, request: Request, start: Start) -> None:
        """Start ``query``, now or when it is its turn.

        Raises:
            RequestError: the request is not fit to be sent.
        """
        try:
            query.origin = check_request(request)
            check_headers(request.headers)
        except RequestError:
            # It takes no place: ``start`` will refuse it, in its own way.
            query.attach(start(request, lambda outcome: self._answered(query, outcome)))
            return
        total_s = request.total_timeout_s
        if total_s is None:
            total_s = request.options.total_timeout_s
        due = time.monotonic() + total_s if total_s else None
        try:
            if self._takes_place(query, Waiting(request, start, due)):
                self._start(query, request, start)
        except BaseException:
            self._leave(query)
            raise

    def leave_line(self, query: Query) -> bool:
        """Wait no more; False when it did not. The lock is held."""
        self._deadlines.discard(query)
        return self._places.leave_line(query)

    def cancel(self, query: Query, error: TransferError) -> None:
        """Take ``query`` out of the line, if it is there, and answer it with ``error``."""
        with self._changing:
            was_in_line = self.leave_line(query)
        if was_in_line:
            self._answered(query, error)

    def close(self, error: Callable[[Query], TransferError]) -> None:
        """Answer everybody in line with an error."""
        with self._changing:
            in_line = self._places.in_line()
        for query in in_line:
            self.cancel(query, error(query))
        self._deadlines.close()

    def abandon(self) -> None:
        """In a forked child: who is in line is the parent's, and nothing of it starts here."""
        self._places.forget_lines()

    def _takes_place(self, query: Query, waiting: Waiting) -> bool:
        with self._changing:
            if self._places.take(query, waiting):
                return True
            query.become(QueryState.WAITING)
            if waiting.due is not None:
                self._deadlines.add(waiting.due, query)
            return False

    def _start(self, query: Query, request: Request, start: Start) -> None:
        def on_done(outcome: Outcome) -> None:
            try:
                self._leave(query)
            finally:
                self._answered(query, outcome)

        query.attach(start(request, on_done))

    def _leave(self, query: Query) -> None:
        """Give a place back and start whose turn it is.

        One at a time, and not from within a start that ends at once: a long line of those would
        be as many calls deep.
        """
        with self._changing:
            self._places.give_back(query)
            if self._is_starting:
                return
            self._is_starting = True
            turn = self._next_turn()
        try:
            while turn is not None:
                self._start_late(*turn)
                turn = self._next_turn()
        except BaseException:
            self._is_starting = False
            raise

    def _next_turn(self) -> tuple[Query, Waiting] | None:
        with self._changing:
            turn = self._places.next()
            if turn is None:
                self._is_starting = False
            else:
                self._deadlines.discard(turn[0])
                turn[0].become(QueryState.IN_FLIGHT)
            return turn

    def _start_late(self, query: Query, waiting: Waiting) -> None:
        try:
            self._start(query, _shortened(waiting), waiting.start)
        except BaseException as error:
            if not isinstance(error, OnehttpError):
                logger.exception("query %d: could not be started", query.id)
            with self._changing:
                self._places.give_back(query)
            self._answered(query, _as_transfer_error(error))

    def _expire(self, query: Query) -> None:
        self.cancel(
            query,
            transfer_error(
                CurlCode.OPERATION_TIMEDOUT,
                f"query {query.id}: out of time before there was a place for it on the wire",
                phase=Phase.QUEUE,
            ),
        )


def _shortened(waiting: Waiting) -> Request:
    """The request, with what is left of its time."""
    if waiting.due is None:
        return waiting.request
    left_s = max(0.001, waiting.due - time.monotonic())
    return waiting.request._replace(total_timeout_s=left_s)


def _as_transfer_error(error: BaseException) -> TransferError:
    if isinstance(error, TransferError):
        return error
    return transfer_error(CurlCode.FAILED_INIT, f"{type(error).__name__}: {error}")
