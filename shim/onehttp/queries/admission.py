"""Starts queries when there is a slot for them, if the number of transfers is limited."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from onehttp.queries.limits import QueryLimits
from onehttp.queries.query import Query, QueryState
from onehttp.queries.result import Start
from onehttp.queries.slots import QueuedStart, Slots
from onehttp.timers import Timer, Timers
from onehttp_backends.contract import Outcome, Request
from onehttp_backends.errors import (
    CurlCode,
    OnehttpError,
    Phase,
    RequestError,
    TransferError,
    transfer_error,
)
from onehttp_backends.observed import resumed, step
from onehttp_backends.rules.request_rules import check_message, check_request
from onehttp_backends.time_limits import total_s

logger = logging.getLogger("onehttp")


class Admission:
    """Starts queries when a slot is free, and ends queries whose time is over before they get one.

    Args:
        answered: called with the outcome of each query.
        changing: the lock of the scheduler, which guards the slots, too.
        timers: report when the time of a waiting query is over.
    """

    def __init__(
        self,
        limits: QueryLimits,
        answered: Callable[[Query, Outcome], None],
        changing: threading.RLock,
        timers: Timers,
    ) -> None:
        self._answered = answered
        self._changing = changing
        self._slots = Slots(limits)
        self._is_starting = False
        """Somebody is starting those in line, and will see a slot that becomes free."""
        self._timers = timers
        self._deadlines: dict[Query, Timer] = {}
        """The deadlines of waiting queries."""

    def begin(self, query: Query, request: Request, start: Start) -> None:
        """Start ``query``, now or when it gets a slot.

        Raises:
            RequestError: the request cannot be sent.
        """
        try:
            query.origin = check_request(request)
            check_message(request)
        except RequestError:
            # It takes no slot: ``start`` will refuse it, in its own way.
            query.attach(start(request, lambda outcome: self._answered(query, outcome)))
            return
        limit_s = total_s(request)
        due = time.monotonic() + limit_s if limit_s else None
        try:
            if self._takes_slot(query, QueuedStart(request, start, due)):
                self._start(query, request, start)
            else:
                step("waits for a slot")
        except BaseException:
            self._leave(query)
            raise

    def leave_line(self, query: Query) -> None:
        """Remove ``query`` from the queue, if it is there. The caller holds the lock."""
        self._stop_timer(query)
        self._slots.leave_line(query)

    def cancel(self, query: Query, error: TransferError) -> None:
        """Remove ``query`` from the queue if it is there, and answer it with ``error``."""
        try:
            self._cancel(query, error)
        except BaseException:  # of a signal handler: what it has cut off is done again
            self._cancel(query, error)
            raise

    def _cancel(self, query: Query, error: TransferError) -> None:
        with self._changing:
            self.leave_line(query)
            is_to_end = query.state is QueryState.WAITING or query.outcome is error
        if is_to_end:
            self._answered(query, error)

    def close(self, error: Callable[[Query], TransferError]) -> None:
        """Answer all waiting queries with an error."""
        with self._changing:
            in_line = self._slots.in_line()
        for query in in_line:
            self.cancel(query, error(query))

    def abandon(self) -> None:
        """In a forked child: drop waiting queries, which belong to the parent."""
        self._slots.forget_lines()

    def _takes_slot(self, query: Query, waiting: QueuedStart) -> bool:
        with self._changing:
            if self._slots.take(query, waiting):
                return True
            query.become(QueryState.WAITING)
            if waiting.due is not None:
                self._deadlines[query] = self._timers.at(waiting.due, lambda: self._expire(query))
            return False

    def _start(self, query: Query, request: Request, start: Start) -> None:
        def on_done(outcome: Outcome) -> None:
            try:
                self._leave(query)
            finally:
                self._answered(query, outcome)

        # A query that ends starts the next one, possibly in the middle of another call.
        with resumed(query.observed):
            query.attach(start(request, on_done))

    def _leave(self, query: Query) -> None:
        """Give a slot back and start the next query.

        One call at a time does so, and not recursively: queries that end as soon as they start
        would otherwise nest as many calls as there are queries waiting.
        """
        with self._changing:
            self._slots.give_back(query)
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

    def _next_turn(self) -> tuple[Query, QueuedStart] | None:
        with self._changing:
            turn = self._slots.next()
            if turn is None:
                self._is_starting = False
            else:
                self._stop_timer(turn[0])
                turn[0].become(QueryState.IN_FLIGHT)
            return turn

    def _start_late(self, query: Query, waiting: QueuedStart) -> None:
        try:
            self._start(query, _shortened(waiting), waiting.start)
        except BaseException as error:
            if not isinstance(error, OnehttpError):
                logger.exception("query %d: could not be started", query.id)
            with self._changing:
                self._slots.give_back(query)
            self._answered(query, _as_transfer_error(error))

    def _stop_timer(self, query: Query) -> None:
        timer = self._deadlines.pop(query, None)
        if timer is not None:
            timer.cancel()

    def _expire(self, query: Query) -> None:
        self.cancel(
            query,
            transfer_error(
                CurlCode.OPERATION_TIMEDOUT,
                f"query {query.id}: out of time before there was a slot for it on the wire",
                phase=Phase.QUEUE,
            ),
        )


def _shortened(waiting: QueuedStart) -> Request:
    """The request, with what is left of its time."""
    if waiting.due is None:
        return waiting.request
    left_s = max(0.001, waiting.due - time.monotonic())
    return waiting.request._replace(total_timeout_s=left_s)


def _as_transfer_error(error: BaseException) -> TransferError:
    if isinstance(error, TransferError):
        return error
    return transfer_error(CurlCode.FAILED_INIT, f"{type(error).__name__}: {error}")
