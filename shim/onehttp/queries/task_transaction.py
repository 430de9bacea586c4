"""Tasks of an event loop as transactions: suspended by a query, resumed by its answer."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Callable, Generator
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from onehttp.errors import TransactionError
from onehttp.queries.result import Result
from onehttp.queries.transaction import Token

if TYPE_CHECKING:
    import asyncio

logger = logging.getLogger("onehttp")
_tokens = itertools.count(1)


class TaskTransaction:
    """Lets a task wait for the routes of its queries. Make it inside the task.

        tx = onehttp.TaskTransaction()
        with onehttp.transaction(tx):
            onehttp.submit("GET", url, route=on_reply)
        value = await tx

    Each ``await`` returns what one route returned (the `Result` if the query has no route), or
    raises what it raised. Routes come in the order of their queries' submission, and the last one
    again once all have come. They run in the task's loop and may be coroutine functions. A route is
    not run if nobody waits for it when the answer comes: the task was cancelled, or timed out.

    One query at a time suspends it, as with a SIP transaction; a route may submit the next one.

    Args:
        timeout_s: how many seconds one ``await`` waits before it raises `asyncio.TimeoutError`.
    """

    def __init__(self, timeout_s: float | None = None) -> None:
        import asyncio

        self._loop = asyncio.get_running_loop()
        self._timeout_s = timeout_s
        self._suspended: dict[Token, asyncio.Future[Any]] = {}
        """Whoever takes a future out, in one step, decides what becomes of it."""
        self._unread: deque[asyncio.Future[Any]] = deque()
        self._last: asyncio.Future[Any] | None = None
        self._before: asyncio.Future[Any] | None = None  # what `_last` was before the suspension
        self._routes: set[asyncio.Task[Any]] = set()  # a loop by itself may lose its tasks

    def __await__(self) -> Generator[Any, None, Any]:
        future = self._unread.popleft() if self._unread else self._last
        if future is None:
            raise TransactionError("the transaction is not suspended: nothing was submitted in it")
        return (yield from self._wait(future).__await__())

    async def _wait(self, future: asyncio.Future[Any]) -> Any:
        import asyncio

        try:
            return await asyncio.wait_for(asyncio.shield(future), self._timeout_s)
        except BaseException:
            if not future.done():
                self._leave(future)
            raise

    def suspend(self) -> Token:
        if self._suspended:
            raise TransactionError("the transaction is suspended already, by another query")
        token = next(_tokens)
        self._before, self._last = self._last, self._loop.create_future()
        self._suspended[token] = self._last
        self._unread.append(self._last)
        return token

    def resume(
        self, token: Token, route: Callable[[Result], object] | None, result: Result
    ) -> bool:
        future = self._suspended.pop(token, None)
        if future is None:
            return False
        try:
            self._loop.call_soon_threadsafe(self._go_on, future, route, result)
        except RuntimeError:
            return False  # the loop is closed: so is the task
        return True

    def cancel_suspend(self, token: Token) -> None:
        future = self._suspended.pop(token, None)
        if future is not None:
            self._last = self._before
            if future in self._unread:
                self._unread.remove(future)

    def _leave(self, future: asyncio.Future[Any]) -> None:
        """Note that no task waits for ``future`` any more, so no route is run for it."""
        for token, waiting in list(self._suspended.items()):
            if waiting is future:
                self._suspended.pop(token, None)
        future.cancel()
        if self._last is future:
            self._last = None

    def _go_on(
        self,
        future: asyncio.Future[Any],
        route: Callable[[Result], object] | None,
        result: Result,
    ) -> None:
        if route is None:
            _settle(future, result)
            return
        try:
            returned = route(result)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever awaits the transaction
            _fail(future, error)
            return
        if isinstance(returned, CoroutineType):
            task = self._loop.create_task(returned)
            self._routes.add(task)
            task.add_done_callback(self._routes.discard)
            task.add_done_callback(lambda done: _hand_on(done, future))
        else:
            _settle(future, returned)


def _settle(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if future.done():
        logger.error("a route failed when nobody waited for it any more", exc_info=error)
    else:
        future.set_exception(error)


def _hand_on(done: asyncio.Task[Any], future: asyncio.Future[Any]) -> None:
    if done.cancelled():
        future.cancel()
    elif (error := done.exception()) is not None:
        _fail(future, error)
    else:
        _settle(future, done.result())
