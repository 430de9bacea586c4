"""Ends queries whose time is over before they had a place on the wire.

A transfer has its engine's timer; who only waits for one has this thread, which exists once
somebody had to wait, and only where limits are set.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable

from onehttp.queries.query import Query


class Deadlines:
    """The waiting queries by the end of their time."""

    def __init__(self, expire: Callable[[Query], object]) -> None:
        self._expire = expire
        self._due: list[tuple[float, int]] = []
        """Ids by time; those that have left since are passed over."""
        self._waiting: dict[int, Query] = {}
        self._changed = threading.Condition()  # guards _due, _thread and _is_closed
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def add(self, due: float, query: Query) -> None:
        """Have ``query`` end at ``due`` (monotonic) if it still waits then."""
        with self._changed:
            self._waiting[query.id] = query
            heapq.heappush(self._due, (due, query.id))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._watch, name="onehttp-deadlines", daemon=True
                )
                self._thread.start()
            elif self._due[0][1] == query.id:
                self._changed.notify()

    def discard(self, query: Query) -> None:
        """It waits no more."""
        self._waiting.pop(query.id, None)

    def close(self) -> None:
        """Forget them all."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _watch(self) -> None:
        while (query := self._next_due()) is not None:
            self._expire(query)

    def _next_due(self) -> Query | None:
        """The next query whose time is over; waits for it. None: closed."""
        due, waiting = self._due, self._waiting
        with self._changed:
            while not self._is_closed:
                while due and due[0][1] not in waiting:
                    heapq.heappop(due)
                wait_s = due[0][0] - time.monotonic() if due else None
                if wait_s is not None and wait_s <= 0:
                    query = waiting.pop(heapq.heappop(due)[1], None)
                    if query is not None:
                        return query
                else:
                    self._changed.wait(wait_s)
        return None
