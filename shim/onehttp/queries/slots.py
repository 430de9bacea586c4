"""Slots limit the transfers in flight, in total and for each origin; other queries wait."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from onehttp.queries.limits import QueryLimits
from onehttp.queries.query import Query
from onehttp.queries.result import Start
from onehttp_backends.contract import Request


@dataclass(frozen=True, slots=True)
class QueuedStart:
    """The transfer that a waiting query will start."""

    request: Request
    start: Start
    due: float | None
    """The time at which it expires (monotonic)."""


class Slots:
    """The slots, and a queue for each origin. Origins are served in turn."""

    def __init__(self, limits: QueryLimits) -> None:
        self._max = limits.max_in_flight or float("inf")
        self._max_per_origin = limits.max_in_flight_per_origin or float("inf")
        self._taken: set[Query] = set()
        self._taken_by_origin: dict[str, set[Query]] = {}
        self._lines: dict[str, OrderedDict[Query, QueuedStart]] = {}
        self._turns: dict[str, None] = {}
        """The origins with waiting queries and a free slot, in their order."""

    def take(self, query: Query, waiting: QueuedStart) -> bool:
        """Take a slot. Without a free one, enter the queue and return False."""
        origin = query.origin
        is_left = self._is_left(origin)
        if is_left and len(self._taken) < self._max:
            self._take(query)
            return True
        self._lines.setdefault(origin, OrderedDict())[query] = waiting
        if is_left:
            self._turns[origin] = None
        return False

    def give_back(self, query: Query) -> None:
        """Free the slot of ``query``, if it has one. To be done again where a signal handler has
        cut it off, or the taking."""
        self._taken.discard(query)
        origin = query.origin
        taken = self._taken_by_origin.get(origin)
        if taken is not None:
            taken.discard(query)
            if not taken:
                self._taken_by_origin.pop(origin, None)
        if origin in self._lines and self._is_left(origin):
            self._turns[origin] = None

    def next(self) -> tuple[Query, QueuedStart] | None:
        """Give a slot to the next waiting query, and return it; None if there is none."""
        if len(self._taken) >= self._max:
            return None
        while True:
            if not self._turns:
                return None
            origin = next(iter(self._turns))
            del self._turns[origin]
            if self._lines.get(origin):
                break
            self._lines.pop(origin, None)  # emptied by one that a signal handler interrupted
        query, waiting = self._lines[origin].popitem(last=False)
        self._take(query)
        if not self._lines[origin]:
            del self._lines[origin]
        elif self._is_left(origin):
            self._turns[origin] = None  # behind the others
        return query, waiting

    def leave_line(self, query: Query) -> None:
        """Leave the queue, if ``query`` is in it."""
        line = self._lines.get(query.origin)
        if line is not None:
            line.pop(query, None)
            if not line:
                self._lines.pop(query.origin, None)
                self._turns.pop(query.origin, None)

    def forget_lines(self) -> None:
        """Empty all queues."""
        self._lines.clear()
        self._turns.clear()

    def in_line(self) -> list[Query]:
        """All waiting queries."""
        return [query for line in self._lines.values() for query in line]

    def _is_left(self, origin: str) -> bool:
        return len(self._taken_by_origin.get(origin, ())) < self._max_per_origin

    def _take(self, query: Query) -> None:
        self._taken.add(query)
        self._taken_by_origin.setdefault(query.origin, set()).add(query)
