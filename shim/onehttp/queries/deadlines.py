"""Ends queries whose time is over before they had a place on the wire.

A transfer has its engine's timer; who only waits for one has this thread, which exists once
somebody had to wait, and only where limits are set.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable

from onehttp.queries.query import Query, QueryState


class Deadlines:
    """The waiting queries by the end of their time."""

    def __init__(self, expire: Callable[[Query], object]) -> None:
        self._expire = expire
        self._due: list[tuple[float, int, Query]] = []
        self._changed = threading.Condition()  # guards _due, _thread and _is_closed
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def add(self, due: float, query: Query) -> None:
        """Have ``query`` end at ``due`` (monotonic) if it still waits then."""
        with self._changed:
            heapq.heappush(self._due, (due, query.id, query))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._watch, name="onehttp-deadlines", daemon=True
                )
                self._thread.start()
            elif self._due[0][2] is query:
                self._changed.notify()

    def close(self) -> None:
        """Forget them all."""
        with self._changed:
            self._is_closed = True
            self._due.clear()
            self._changed.notify()

    def _watch(self) -> None:
        while (query := self._next_due()) is not None:
            self._expire(query)

    def _next_due(self) -> Query | None:
        """The next query whose time is over; waits for it. None: closed."""
        with self._changed:
            while not self._is_closed:
                while self._due and self._due[0][2].state is not QueryState.WAITING:
                    heapq.heappop(self._due)  # it has left the line since
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait_s)
        return None
