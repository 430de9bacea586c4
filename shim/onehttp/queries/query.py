"""A query: one request whose answer goes to a route. Its states are in one table."""

from __future__ import annotations

import enum
import itertools
import logging
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from onehttp_backends.contract import Outcome, Response, Transfer
from onehttp_backends.errors import OnehttpError, TransferError

if TYPE_CHECKING:
    import asyncio

logger = logging.getLogger("onehttp")
_ids = itertools.count(1)


class QueryState(enum.Enum):
    """Where a query is."""

    IN_FLIGHT = "in flight"
    ROUTE_WAITING = "waiting for a route worker"
    ROUTE_RUNNING = "in its route"
    ENDED = "ended"


TRANSITIONS: Final[dict[QueryState, frozenset[QueryState]]] = {
    # Without a route, or when it cannot be run any more, a query ends with its answer.
    QueryState.IN_FLIGHT: frozenset({QueryState.ROUTE_WAITING, QueryState.ENDED}),
    QueryState.ROUTE_WAITING: frozenset({QueryState.ROUTE_RUNNING, QueryState.ENDED}),
    QueryState.ROUTE_RUNNING: frozenset({QueryState.ENDED}),
    QueryState.ENDED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a query came to: exactly one of ``response`` and ``error`` is there."""

    query_id: int
    response: Response | None = None
    error: TransferError | None = None
    xdata: object = None

    @property
    def ok(self) -> bool:
        """There is a response, whatever its status."""
        return self.response is not None


class IllegalTransitionError(OnehttpError, RuntimeError):
    """A query was to go where its table does not let it: a defect of this library."""


class Query:
    """A request on its way to its route.

    Wait for it with `result` (a thread) or ``await query`` (a task): both give the `Result`
    once the answer is there, whether or not its route has run.
    """

    def __init__(self, route: Callable[[Result], object] | None, xdata: object) -> None:
        self.id = next(_ids)
        self.xdata = xdata
        self.route = route
        self._state = QueryState.IN_FLIGHT
        self._changing = threading.Lock()  # guards _state, _result and _waiters
        self._result: Result | None = None
        self._transfer: Transfer | None = None
        self._answered = threading.Event()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[Result]]] = []

    def __repr__(self) -> str:
        return f"<Query {self.id}: {self._state.value}>"

    @property
    def state(self) -> QueryState:
        return self._state

    def cancel(self) -> bool:
        """End it with a `CancelledError` as its result; False when its answer was there."""
        transfer = self._transfer
        return transfer is not None and transfer.cancel()

    def result(self, timeout_s: float | None = None) -> Result:
        """Wait for the answer in the calling thread.

        Raises:
            TimeoutError: (the builtin) it did not come within ``timeout_s``; the query goes on.
        """
        if not self._answered.wait(timeout_s):
            raise TimeoutError(f"query {self.id}: no answer within {timeout_s} s")
        assert self._result is not None
        return self._result

    def __await__(self) -> Generator[Any, None, Result]:
        import asyncio

        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        with self._changing:
            if self._result is not None:
                future.set_result(self._result)
            else:
                self._waiters.append((loop, future))
        return (yield from future)

    def attach(self, transfer: Transfer) -> None:
        """Tell which transfer to cancel."""
        self._transfer = transfer

    def answer(self, outcome: Outcome) -> Result:
        """Keep the outcome and wake who waits."""
        if isinstance(outcome, Response):
            result = Result(query_id=self.id, response=outcome, xdata=self.xdata)
        else:
            result = Result(query_id=self.id, error=outcome, xdata=self.xdata)
        with self._changing:
            self._result = result
            waiters, self._waiters = self._waiters, []
        self._answered.set()
        for loop, future in waiters:
            try:
                loop.call_soon_threadsafe(_settle, future, result)
            except RuntimeError:
                logger.debug("query %d: the loop that waited for it is closed", self.id)
        return result

    def become(self, state: QueryState) -> None:
        """Change state as the table allows.

        Raises:
            IllegalTransitionError: it does not.
        """
        with self._changing:
            if state not in TRANSITIONS[self._state]:
                raise IllegalTransitionError(
                    f"query {self.id}: {self._state.value} -> {state.value}"
                )
            self._state = state


def _settle(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)
