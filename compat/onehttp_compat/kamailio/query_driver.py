"""Sends queries from a process of ``rtimer``. The server lends it one thread, for a slice of time
at each call.

The process reads queries from the lanes, drives the engine, and runs the callbacks of finished
queries. Results of the engine are only stored at first, because a callback may make calls of its
own.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import onehttp
from onehttp import NotInitialisedError, Request, Result
from onehttp.lowlevel import Outcome, Start
from onehttp_compat.kamailio.lanes import Lanes
from onehttp_compat.process import Counters

GROUP: Final = "onehttp"
"""The group of the counters."""
IN_FLIGHT: Final = 8192
"""The most queries in flight in one process. Others stay in the lanes; if those are full, the
caller gets an error."""
TAKING_S: Final = 0.005
"""Seconds that a process starts queries before it drives the engine."""
PACE_S: Final = 0.006
"""The shortest time between the starts of two rounds, in seconds. Queries that arrive meanwhile
share a round. After a longer pause, a query does not wait."""
_JOBS_AT_ONCE: Final = 64
"""Small enough to leave queries for other processes, and to handle answers in between."""


class QueryDriver:
    """The queries that this process has sent.

    Args:
        lanes: the source of the queries.
        begin: starts one of them.
    """

    def __init__(self, lanes: Lanes, begin: Callable[[bytes], None]) -> None:
        self.pid = os.getpid()
        self.in_flight = 0
        self._lanes = lanes
        self._begin = begin
        self._ended: deque[tuple[Callable[[Outcome], None], Outcome]] = deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._watch = select.epoll()
        self._watch.register(self._bell, select.EPOLLIN)
        self._watch.register(lanes.fileno(), select.EPOLLIN)
        self._began_at = 0.0

    def close(self) -> None:
        """Close its descriptors."""
        os.close(self._bell)
        self._watch.close()

    def start(self, request: Request, start: Start, done: Callable[[Outcome], None]) -> None:
        """Send a request; ``done`` is called in a later `drive`."""
        start(request, lambda outcome: self._keep(done, outcome))
        self.in_flight += 1

    def drive(self, slice_s: float) -> None:
        """Work for ``slice_s`` seconds. With 0, do only the work that is ready, without waiting."""
        engine = lent_engine()
        end = time.monotonic() + slice_s
        while True:
            if slice_s:
                self._keep_pace()
            is_full = self.in_flight >= IN_FLIGHT
            if not is_full:
                self._take_some()
            # At least one turn, however long the rest takes, because answers come before new
            # queries.
            left_s = max(0.0, end - time.monotonic())
            engine.drive(self._bell if is_full else self._watch.fileno(), left_s)
            self._go_on()
            if time.monotonic() >= end:
                return

    def _keep_pace(self) -> None:
        early_s = self._began_at + PACE_S - time.monotonic()
        if early_s > 0:
            time.sleep(early_s)
        self._began_at = time.monotonic()

    def _take_some(self) -> None:
        enough = time.monotonic() + TAKING_S
        for frame in self._lanes.receive(_JOBS_AT_ONCE):
            self._begin(frame)
            if time.monotonic() >= enough:
                return

    def _keep(self, done: Callable[[Outcome], None], outcome: Outcome) -> None:
        if not self._ended:
            os.eventfd_write(self._bell, 1)
        self._ended.append((done, outcome))

    def _go_on(self) -> None:
        ended = self._ended
        if not ended:
            return
        os.eventfd_read(self._bell)
        for _ in range(len(ended)):
            done, outcome = ended.popleft()
            self.in_flight -= 1
            done(outcome)
        if ended:  # a callback has made calls
            os.eventfd_write(self._bell, 1)


def lent_engine() -> Any:
    """Return the engine of this process, which has no thread of its own from then on."""
    try:
        engine: Any = onehttp.backend()
    except NotInitialisedError:
        onehttp.init()
        engine = onehttp.backend()
    engine.lend()
    return engine


class _SharedCount:
    """One of the numbers in `Counts`."""

    def __set_name__(self, owner: type[Counts], name: str) -> None:
        self._name = f"{GROUP}.{name}"

    def __get__(self, counts: Counts, owner: type[Counts]) -> int:
        return counts.counters[self._name]


class Counts:
    """Counts of the queries of all processes of the server."""

    handed_over = _SharedCount()
    refused = _SharedCount()
    """Queries for which no lane had room. They continued at once with an error as the answer."""
    sent = _SharedCount()
    answered = _SharedCount()
    gone = _SharedCount()
    """Queries whose transactions had ended before the answer, or before they were sent."""
    routes_failed = _SharedCount()

    def __init__(self, counters: Counters) -> None:
        self.counters = counters
        counters.update(
            {
                f"{GROUP}.{name}": 0
                for name, kind in vars(Counts).items()
                if isinstance(kind, _SharedCount)
            }
        )

    def add(self, name: str) -> None:
        """Add one."""
        self.counters.add(f"{GROUP}.{name}")

    @property
    def open(self) -> int:
        """The queries in flight, or whose callback is running."""
        return self.sent - self.answered


class Resumption:
    """A call of ``t_continue``, and its result."""

    def __init__(self, route: Callable[[Result], object] | None, result: Result | None) -> None:
        self.has_run = False
        self.error: BaseException | None = None
        self._route = route
        self._result = result

    def run(self) -> int:
        self.has_run = True
        if self._route is None or self._result is None:
            return 1
        try:
            self._route(self._result)
        except BaseException as error:  # noqa: BLE001 - it comes out of `resume`
            self.error = error
            return -1
        return 1
