"""A query: one request whose answer goes to a route. Its states are in one table.

Theory of operation
-------------------
1. *One lock, one table.* The state of a query changes only in `Query.become`, under the scheduler's
   lock, and only as `TRANSITIONS` allows. If two threads want to change it at the same time, one of
   them comes first. The other one finds a state that does not allow its step, and does nothing.
2. *A query is admitted before anything is done for it.* Only a query that is counted as open
   suspends a transaction and starts a transfer. If an exception is raised after that, both are
   undone (`QueryScheduler._refuse`), unless the answer was faster.
3. *Exactly one outcome.* The engine delivers an outcome once, and a query accepts it only in
   IN_FLIGHT or WAITING. A query that was cancelled, has expired or was forked is in a later state.
4. *Exactly one resumption.* A suspended transaction is resumed by the step out of ROUTE_WAITING, or
   by the end of a query that has not started. Each query makes one of these steps, once, in a
   worker or in the shutdown that ends what the workers have not begun. The token cannot be given
   back twice, because no path through the table contains both steps.
5. *The driver never waits.* The thread that delivers an outcome drives the engine. It stores the
   outcome, wakes the waiters, and puts the query into the queue of the workers. Routes are code of
   the user, so they run on workers, and without a lock.
6. *A query that has ended holds nothing.* It drops its references to route, context and transaction
   in the same step that counts its end. A forked child ends its copies of the queries, and touches
   no transaction.

No query is lost, because a query is open from its admission until ENDED, and in each state before
that something takes its next step: the engine (IN_FLIGHT), a slot that becomes free or the timer
(WAITING), a worker or the shutdown (ROUTE_WAITING), the worker that runs its route (ROUTE_RUNNING).
`drain` and `shutdown` count the open queries, so a query that stays in a state would be noticed.
docs/states.md draws the table.
"""

from __future__ import annotations

import contextlib
import enum
import itertools
import logging
import threading
from collections.abc import Callable, Generator, Mapping
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, Protocol

from onehttp.queries.result import Result, run_route
from onehttp.queries.transaction import Token, Transaction
from onehttp_backends.contract import Outcome, Response, Transfer
from onehttp_backends.errors import CancelledError, ReentrantCallError, TransferError
from onehttp_backends.observed import Call, apart, current, step

if TYPE_CHECKING:
    import asyncio


logger = logging.getLogger("onehttp")
_ids = itertools.count(1)
NOT_SUSPENDED: Final = object()


class QueryState(enum.Enum):
    """The states of a query."""

    __hash__ = object.__hash__  # the enum's is a Python function, asked twice in each step

    NEW = "new"
    WAITING = "waiting for a slot"
    IN_FLIGHT = "in flight"
    ROUTE_WAITING = "waiting for a route worker"
    ROUTE_RUNNING = "in its route"
    ENDED = "ended"


TRANSITIONS: Final[Mapping[QueryState, Mapping[QueryState, str]]] = {
    QueryState.NEW: {
        QueryState.IN_FLIGHT: "let in",
        QueryState.ENDED: "refused",
    },
    QueryState.WAITING: {
        QueryState.IN_FLIGHT: "its turn",
        QueryState.ROUTE_WAITING: "cancelled, or out of time",
        QueryState.ENDED: "the same, and nothing goes on",
    },
    QueryState.IN_FLIGHT: {
        QueryState.WAITING: "no slot is free",
        QueryState.ROUTE_WAITING: "answered, or failed",
        QueryState.ENDED: "the same, and nothing goes on, or not fit to be sent",
    },
    QueryState.ROUTE_WAITING: {
        QueryState.ROUTE_RUNNING: "a worker takes it",
        QueryState.ENDED: "shut down, its transaction goes on without it",
    },
    QueryState.ROUTE_RUNNING: {
        QueryState.ENDED: "the route has returned, or failed",
    },
    QueryState.ENDED: {},
}
"""The transitions from each state, with their causes."""


class Scheduling(Protocol):
    """The part of the scheduler that a query uses."""

    changing: threading.RLock

    def cancel_waiting(self, query: Query) -> None:
        """End a query if it still waits for a slot."""


class Query:
    """A request that was submitted, and whose answer goes to a route.

    To wait for the answer, call `result` in a thread or ``await`` the query in a task: both return
    its `Result` as soon as there is one, even if the route has not run yet.
    """

    __slots__ = (
        "_result",
        "_scheduler",
        "_transfer",
        "_wakers",
        "_was_cancelled",
        "context",
        "id",
        "observed",
        "origin",
        "outcome",
        "route",
        "state",
        "stored",
        "token",
        "transaction",
        "xdata",
    )

    def __init__(self, scheduler: Scheduling, xdata: object) -> None:
        self.id = next(_ids)
        self.xdata = xdata
        self.route: Callable[[Result], object] | None = None
        self.context: Context | None = None
        """The context variables of the caller, for the route."""
        self.transaction: Transaction | None = None
        self.token: Token = NOT_SUSPENDED
        self.origin = ""
        """The origin whose limit it counts against; empty if there is no such limit."""
        self.state = QueryState.NEW
        self.stored = ""
        """Its id in the durable queue that it was submitted to; empty if there is none."""
        self.observed: Call | None = None
        """The call as reported to observers, until its end has been reported."""
        self.outcome: Outcome | None = None
        """What it is being answered with."""
        self._scheduler = scheduler
        self._result: Result | None = None
        self._transfer: Transfer | None = None
        self._was_cancelled = False
        self._wakers: list[Callable[[], object]] | None = None

    def __repr__(self) -> str:
        return f"<Query {self.id}: {self.state.value}>"

    def cancel(self) -> bool:
        """End the query with a `CancelledError` as its result; False if its answer came before.

        Its route runs with that result, and its transaction is resumed. An answer that comes in the
        same moment may still win.
        """
        if self._result is not None:
            return False
        self._was_cancelled = True
        transfer = self._transfer
        if transfer is not None:
            return transfer.cancel()
        self._scheduler.cancel_waiting(self)
        return self._result is None or isinstance(self.error, CancelledError)

    def result(self, timeout_s: float | None = None) -> Result:
        """Wait for the answer in the calling thread.

        Raises:
            TimeoutError: (the builtin) no answer within ``timeout_s`` seconds; the query goes on.
            ReentrantCallError: called by a signal handler that has interrupted this thread while
                it changed the state of queries.
        """
        if self._result is None:
            changing = self._scheduler.changing
            if changing._is_owned():  # type: ignore[attr-defined]  # `Condition` asks it, too
                raise ReentrantCallError(
                    f"query {self.id}: no answer can come while this signal handler waits, since "
                    "it has interrupted a submit() or the end of a query; wait in another thread"
                )
            wakeup = threading.Lock()
            wakeup.acquire()
            self._when_answered(wakeup.release)
            wait_s = -1 if timeout_s is None else max(0.0, timeout_s)
            if self._result is None and not wakeup.acquire(timeout=wait_s):
                self._forget_waker(wakeup.release)
                raise TimeoutError(f"query {self.id}: no answer within {timeout_s} s")
        assert self._result is not None
        return self._result

    def __await__(self) -> Generator[Any, None, Result]:
        import asyncio

        if self._result is None:
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            self._when_answered(lambda: _wake(loop, future))
            if self._result is None:
                yield from future
        assert self._result is not None
        return self._result

    @property
    def is_answered(self) -> bool:
        """Whether its `Result` is there; its route may still have to run."""
        return self._result is not None

    @property
    def error(self) -> TransferError | None:
        """The error of its result; None if it has succeeded or has no result yet."""
        return None if self._result is None else self._result.error

    def attach(self, transfer: Transfer) -> None:
        """Keep the transfer, so that `cancel` can end it."""
        self._transfer = transfer
        if self._result is not None:  # it was faster
            self._transfer = None
        elif self._was_cancelled:  # between the decision to start it and this line
            transfer.cancel()

    def answer(self, outcome: Outcome) -> None:
        """Set the outcome."""
        if isinstance(outcome, Response):
            self._result = Result(query_id=self.id, response=outcome, xdata=self.xdata)
        else:
            self._result = Result(query_id=self.id, error=outcome, xdata=self.xdata)
        self._transfer = None

    def wake(self) -> None:
        """Wake all threads and tasks that wait for the result."""
        wakers = self._wakers
        while wakers:
            wakers.pop()()

    def go_on(self) -> bool:
        """Resume the transaction with the route in it, or run the route alone.

        Returns:
            False if the transaction has ended by itself, so that the route was not run.
        """
        if self.transaction is not None:
            step("transaction is resumed")
        if current() is None:
            return self._go_on()
        with apart():  # what the route calls is no part of this
            return self._go_on()

    def _go_on(self) -> bool:
        assert self._result is not None
        if self.transaction is not None:
            return self.transaction.resume(self.token, self.route, self._result)
        if self.route is not None:
            run_route(self.route, self._result)
        return True

    def let_go(self) -> None:
        """After its end: keep the result, and drop everything else."""
        self.route = self.context = self.transaction = None
        self.token = NOT_SUSPENDED

    def become(self, state: QueryState) -> None:
        """Change the state, as `TRANSITIONS` allows. The caller holds the scheduler's lock.

        Raises:
            RuntimeError: not a transition of the table; a defect of this library.
        """
        if state not in TRANSITIONS[self.state]:
            raise RuntimeError(f"query {self.id}: {self.state.value} -> {state.value}")
        self.state = state

    def _when_answered(self, wake: Callable[[], object]) -> None:
        """Call ``wake`` once when the answer comes. An earlier answer is not reported, so look
        for it afterwards."""
        with self._scheduler.changing:
            if self._wakers is None:
                self._wakers = []
        self._wakers.append(wake)

    def _forget_waker(self, wake: Callable[[], object]) -> None:
        assert self._wakers is not None
        with contextlib.suppress(ValueError):  # it is being called
            self._wakers.remove(wake)


def _wake(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> None:
    try:
        loop.call_soon_threadsafe(_settle, future)
    except RuntimeError:
        logger.debug("the loop that waited for a query is closed")


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
