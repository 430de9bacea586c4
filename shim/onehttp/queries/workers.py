"""Threads that run routes, so that a slow one delays no transfer and no other query's timer."""

from __future__ import annotations

import logging
import queue
import threading
from typing import Final

from onehttp.queries.query import Query, QueryState, Result
from onehttp.queries.routes import Route, name_of

DEFAULT_WORKERS: Final = 4
DEFAULT_QUEUE_LENGTH: Final = 10_000
logger = logging.getLogger("onehttp")


class RouteWorkers:
    """A few threads and one bounded queue. Threads start as work comes, up to ``size``.

    A full queue refuses: the query ends without its route, one line is logged and ``refused``
    goes up. The result itself is not lost: whoever holds the `Query` has it.
    """

    def __init__(
        self, size: int = DEFAULT_WORKERS, queue_length: int = DEFAULT_QUEUE_LENGTH
    ) -> None:
        self._size = size
        self._queue: queue.Queue[tuple[Query, Route, Result] | None] = queue.Queue(queue_length)
        self._threads: list[threading.Thread] = []
        self._starting = threading.Lock()  # guards _threads and _idle
        self._idle = 0
        self._is_closed = False
        self.failed = 0
        self.refused = 0

    def run(self, query: Query, route: Route, result: Result) -> None:
        """Have ``route`` called with ``result`` soon, on a worker."""
        query.become(QueryState.ROUTE_WAITING)
        try:
            if self._is_closed:
                raise queue.Full
            self._queue.put_nowait((query, route, result))
        except queue.Full:
            self.refused += 1
            query.become(QueryState.ENDED)
            logger.error(
                "query %d: route %s was not run: the workers' queue is %s",
                query.id,
                name_of(route),
                "closed" if self._is_closed else "full",
            )
            return
        with self._starting:
            if self._idle < self._queue.qsize() and len(self._threads) < self._size:
                thread = threading.Thread(target=self._work, name="onehttp-route", daemon=True)
                self._threads.append(thread)
                thread.start()

    def close(self, grace_s: float) -> None:
        """Let the routes at work finish, at most ``grace_s`` seconds for each worker."""
        self._is_closed = True
        for _ in self._threads:
            try:
                self._queue.put_nowait(None)
            except queue.Full:
                logger.error("routes are still waiting at shutdown; they are not run")
                break
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(grace_s)

    def _work(self) -> None:
        while True:
            with self._starting:
                self._idle += 1
            item = self._queue.get()
            with self._starting:
                self._idle -= 1
            if item is None:
                return
            query, route, result = item
            query.become(QueryState.ROUTE_RUNNING)
            try:
                route(result)
            except BaseException:
                self.failed += 1
                logger.exception("query %d: route %s failed", query.id, name_of(route))
            finally:
                query.become(QueryState.ENDED)
