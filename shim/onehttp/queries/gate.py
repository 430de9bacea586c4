"""Where queries wait for a place on the wire, when only so many may be there at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from onehttp.queries.deadlines import Deadlines
from onehttp.queries.limits import QueryLimits
from onehttp.queries.query import Query, QueryState, Start
from onehttp_backends.contract import Outcome, Request
from onehttp_backends.errors import (
    CurlCode,
    OnehttpError,
    Phase,
    TransferError,
    transfer_error,
)
from onehttp_backends.request_rules import check_headers, check_request


class Places:
    """So many places in all, so many for each origin; who finds none waits, origins take turns."""

    def __init__(self, limits: QueryLimits) -> None:
        self._max = limits.max_in_flight or float("inf")
        self._max_per_origin = limits.max_in_flight_per_origin or float("inf")
        self._taken = 0
        self._taken_by_origin: dict[str, int] = {}
        self._lines: dict[str, deque[Query]] = {}
        self._turns: dict[str, None] = {}
        """Origins with somebody in line and a place left, the next one first."""

    def take(self, query: Query) -> bool:
        """Take a place, or (False) stand in line for one."""
        origin = query.origin
        taken = self._taken_by_origin.get(origin, 0)
        if self._taken < self._max and taken < self._max_per_origin:
            self._take(origin)
            return True
        self._lines.setdefault(origin, deque()).append(query)
        if taken < self._max_per_origin:
            self._turns[origin] = None
        return False

    def give_back(self, origin: str) -> None:
        """A place is free again."""
        self._taken -= 1
        taken = self._taken_by_origin[origin] - 1
        if taken:
            self._taken_by_origin[origin] = taken
        else:
            del self._taken_by_origin[origin]
        if origin in self._lines:
            self._turns[origin] = None

    def next(self) -> Query | None:
        """Whose turn it is; has its place now."""
        if not self._turns or self._taken >= self._max:
            return None
        origin = next(iter(self._turns))
        del self._turns[origin]
        line = self._lines[origin]
        query = line.popleft()
        self._take(origin)
        if not line:
            del self._lines[origin]
        elif self._taken_by_origin[origin] < self._max_per_origin:
            self._turns[origin] = None  # behind the others
        return query

    def _take(self, origin: str) -> None:
        self._taken += 1
        self._taken_by_origin[origin] = self._taken_by_origin.get(origin, 0) + 1


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a query in line is to start."""

    request: Request
    start: Start
    due: float | None
    """When its time is over (monotonic)."""


class Gate:
    """Starts queries as places allow.

    Args:
        answered: takes the outcome of each.
        changing: the scheduler's lock; guards the places too.
    """

    def __init__(
        self,
        limits: QueryLimits,
        answered: Callable[[Query, Outcome], None],
        changing: threading.Lock,
    ) -> None:
        self._answered = answered
        self._changing = changing
        self._places = Places(limits)
        self._waiting: dict[Query, Waiting] = {}
        """Who is in line; one that is not in here any more is passed over."""
        self._deadlines = Deadlines(self._expire)

    def begin(self, query: Query, request: Request, start: Start) -> None:
        """Start ``query``, now or when it is its turn.

        Raises:
            RequestError: the request is not fit to be sent.
        """
        query.origin = check_request(request)
        check_headers(request.headers)
        total_s = request.total_timeout_s
        if total_s is None:
            total_s = request.options.total_timeout_s
        due = time.monotonic() + total_s if total_s else None
        with self._changing:
            may_start = self._places.take(query)
            if not may_start:
                query.become(QueryState.WAITING)
                self._waiting[query] = Waiting(request, start, due)
        if may_start:
            try:
                self._start(query, request, start)
            except BaseException:
                self._leave(query.origin)
                raise
        elif due is not None:
            self._deadlines.add(due, query)

    def cancel(self, query: Query, error: TransferError) -> bool:
        """Take ``query`` out of the line and answer it with ``error``; False: it is not there."""
        with self._changing:
            if self._waiting.pop(query, None) is None:
                return False
        self._answered(query, error)
        return True

    def close(self, error: Callable[[Query], TransferError]) -> None:
        """Answer everybody in line with an error."""
        for query in list(self._waiting):
            self.cancel(query, error(query))
        self._deadlines.close()

    def _start(self, query: Query, request: Request, start: Start) -> None:
        def on_done(outcome: Outcome) -> None:
            self._leave(query.origin)
            self._answered(query, outcome)

        query.attach(start(request, on_done))

    def _leave(self, origin: str) -> None:
        """Give a place back and start whose turn it is."""
        with self._changing:
            self._places.give_back(origin)
        while (turn := self._next_turn()) is not None:
            query, waiting = turn
            try:
                self._start(query, _shortened(waiting), waiting.start)
            except OnehttpError as error:
                with self._changing:
                    self._places.give_back(query.origin)
                self._answered(query, _as_transfer_error(error))

    def _next_turn(self) -> tuple[Query, Waiting] | None:
        with self._changing:
            while (query := self._places.next()) is not None:
                waiting = self._waiting.pop(query, None)
                if waiting is not None:
                    query.become(QueryState.IN_FLIGHT)
                    return query, waiting
                self._places.give_back(query.origin)  # it has left the line since
        return None

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


def _as_transfer_error(error: OnehttpError) -> TransferError:
    if isinstance(error, TransferError):
        return error
    return transfer_error(CurlCode.FAILED_INIT, str(error))
