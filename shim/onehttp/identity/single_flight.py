"""A bounded cache by URL that loads each value once, even for concurrent callers."""

from __future__ import annotations

import copy
import os
import threading
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeAlias, TypeVar

from cachetools import TLRUCache, TTLCache

from onehttp.calls.closed_loops import holders_here, landed
from onehttp.identity.errors import IdentityError
from onehttp_backends.forks import reentrant_lock

T = TypeVar("T")
Flight: TypeAlias = "Future[T | IdentityError | None]"
"""A load in progress. Its result is the value, the refusal, or None, after which callers retry."""


class SingleFlight(Generic[T]):
    """A cache in front of a loader.

    Values are kept for ``keep_s`` seconds at most, and no longer than ``until`` says; refusals
    (`IdentityError`) for ``keep_failures_s``. Of each at most ``max_items``, the least recently
    used goes first. Threads wait for the load of another thread, tasks for that of any task or
    thread; a thread never waits for a task, which may need that very thread to go on.
    """

    def __init__(
        self,
        load: Callable[[str], T],
        aload: Callable[[str], Awaitable[T]],
        until: Callable[[T], float],
        *,
        max_items: int,
        keep_s: float,
        keep_failures_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._load = load
        self._aload = aload
        self._lock = reentrant_lock()
        """Guards the two caches and the dicts of flights. Reentrant, for signal handlers."""
        self._values: TLRUCache[str, T] = TLRUCache(
            max_items, lambda _, value, now: min(now + keep_s, until(value)), clock
        )
        self._failures: TTLCache[str, IdentityError] = TTLCache(max_items, keep_failures_s, clock)
        self._of_threads: dict[str, Flight[T]] = {}
        self._of_tasks: dict[str, Flight[T]] = {}
        self._leaders: dict[Flight[T], int] = {}
        """The threads that load; a signal handler in one must not wait for it."""
        _all.add(self)

    def get(self, url: str) -> T:
        """The value of ``url``.

        Raises:
            IdentityError: as the loader, also for as long as its refusal is remembered.
        """
        while True:
            with self._lock:
                value = self._remembered(url)
                if value is not None:
                    return value
                flight = self._of_threads.get(url)
                if flight is None:
                    own = self._of_threads[url] = _departed()
                    self._leaders[own] = threading.get_ident()
            if flight is None:
                return self._lead(url, own)
            if self._leaders.get(flight) == threading.get_ident():
                return self._load(url)
            outcome = flight.result()
            if outcome is not None:
                return _value(outcome)

    async def aget(self, url: str) -> T:
        """Like `get`, awaitable."""
        while True:
            with self._lock:
                value = self._remembered(url)
                if value is not None:
                    return value
                flight = self._of_tasks.get(url) or self._of_threads.get(url)
                if flight is None:
                    own = self._of_tasks[url] = _departed()
            if flight is None:
                return await self._alead(url, own)
            await landed(flight)
            outcome = flight.result()
            if outcome is not None:
                return _value(outcome)

    def _remembered(self, url: str) -> T | None:
        try:
            return self._values[url]  # get() would look twice
        except KeyError:
            failure = self._failures.get(url)
        if failure is not None:
            raise copy.copy(failure)  # its own would gather a traceback at each use
        return None

    def _lead(self, url: str, flight: Flight[T]) -> T:
        outcome: T | IdentityError | None = None
        try:
            outcome = value = self._load(url)
        except IdentityError as error:
            outcome = copy.copy(error)
            raise
        finally:
            self._land(url, self._of_threads, flight, outcome)
        return value

    async def _alead(self, url: str, flight: Flight[T]) -> T:
        outcome: T | IdentityError | None = None
        holders = holders_here()
        holders[flight] = lambda: self._land(url, self._of_tasks, flight, None)
        try:
            outcome = value = await self._aload(url)
        except IdentityError as error:
            outcome = copy.copy(error)
            raise
        finally:
            if holders.pop(flight, None) is not None:
                self._land(url, self._of_tasks, flight, outcome)
        return value

    def _land(
        self,
        url: str,
        flights: dict[str, Flight[T]],
        flight: Flight[T],
        outcome: T | IdentityError | None,
    ) -> None:
        with self._lock:
            if flights.get(url) is flight:
                del flights[url]
            self._leaders.pop(flight, None)
            if isinstance(outcome, IdentityError):
                self._failures[url] = outcome
            elif outcome is not None:
                self._values[url] = outcome
        flight.set_result(outcome)

    def _forget_flights(self) -> None:
        """In a forked child, forget the loads of the parent's threads."""
        self._of_threads = {}
        self._of_tasks = {}
        self._leaders = {}


def _departed() -> Flight[Any]:
    flight: Flight[Any] = Future()
    flight.set_running_or_notify_cancel()  # a task that waits and is cancelled must not cancel it
    return flight


def _value(outcome: T | IdentityError) -> T:
    if isinstance(outcome, IdentityError):
        raise copy.copy(outcome)
    return outcome


_all: weakref.WeakSet[SingleFlight[Any]] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for one in list(_all):
        one._forget_flights()


os.register_at_fork(after_in_child=_after_fork_in_child)
