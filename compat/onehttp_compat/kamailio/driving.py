"""A process of ``rtimer`` that sends queries: one thread, lent by the server slice by slice.

It reads queries from the lanes, has the engine work, and runs the callbacks of those that have
ended; whatever the engine tells, it only keeps, since a callback may make calls of its own.
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
"""Of the counters."""
IN_FLIGHT: Final = 8192
"""Queries of one process; more stay in the lanes, and whoever finds those full is told."""
TAKING_S: Final = 0.005
"""After so long a time of starting queries it is the engine's turn."""
PACE_S: Final = 0.004
"""Rounds begin so far apart at least: what comes meanwhile shares one. Who comes after a longer
silence does not wait."""
_JOBS_AT_ONCE: Final = 64
"""Few enough to leave some for another process, and to look at answers in between."""


class QueryDriver:
    """The queries that this process has sent.

    Args:
        lanes: where queries come from.
        begin: starts one of these.
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
        """Send a request; ``done`` is called by a later `drive`."""
        start(request, lambda outcome: self._keep(done, outcome))
        self.in_flight += 1

    def drive(self, slice_s: float) -> None:
        """Work for ``slice_s`` seconds; 0: do what there is to do, and wait for nothing."""
        engine = lent_engine()
        end = time.monotonic() + slice_s
        while True:
            if slice_s:
                self._keep_pace()
            is_full = self.in_flight >= IN_FLIGHT
            if not is_full:
                self._take_some()
            # At least one turn, however long all else takes: answers come before further queries.
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
    """The engine of this process, which has no thread of its own from then on."""
    try:
        engine: Any = onehttp.backend()
    except NotInitialisedError:
        onehttp.init()
        engine = onehttp.backend()
    engine.lend()
    return engine


class _Count:
    """A number of `Counts`."""

    def __set_name__(self, owner: type[Counts], name: str) -> None:
        self._name = f"{GROUP}.{name}"

    def __get__(self, counts: Counts, owner: type[Counts]) -> int:
        return counts.counters[self._name]


class Counts:
    """What became of queries, in all processes of the server together."""

    handed_over = _Count()
    refused = _Count()
    """No lane had room: they went on at once, with an error for an answer."""
    sent = _Count()
    answered = _Count()
    gone = _Count()
    """Their transactions had ended before the answer."""
    routes_failed = _Count()

    def __init__(self, counters: Counters) -> None:
        self.counters = counters
        counters.update(
            {
                f"{GROUP}.{name}": 0
                for name, kind in vars(Counts).items()
                if isinstance(kind, _Count)
            }
        )

    def add(self, name: str) -> None:
        """One more."""
        self.counters.add(f"{GROUP}.{name}")

    @property
    def open(self) -> int:
        """In flight, or with their callback running."""
        return self.sent - self.answered


class Resumption:
    """One call of ``t_continue``, and what it came to."""

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
