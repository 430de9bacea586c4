"""Threads that run routes, so that a slow route delays neither transfers nor timers."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable

from onehttp.queries.query import Query
from onehttp_backends.forks import reentrant_lock

logger = logging.getLogger("onehttp")


class RouteWorkers:
    """A few threads, and a queue of answered queries for them, in the order of their answers.

    Threads are started when they are needed, up to ``size``. The queue has no limit of its own,
    because the thread that puts a query into it drives transfers and must not wait. Its length is
    limited by the number of queries that are admitted (`QueryLimits.queue_length`).
    """

    def __init__(self, size: int, run: Callable[[Query], None]) -> None:
        self._size = size
        self._run = run
        self._line: deque[Query] = deque()
        self._idle: deque[threading.Lock] = deque()
        """A wakeup for each worker that sleeps; who takes one out rings it. All steps on both
        are single ones, so no lock is needed: the driver must not wait for a worker."""
        self._threads: list[threading.Thread] = []
        self._starting = reentrant_lock()  # guards _threads
        self._is_closed = False
        self._process = os.getpid()

    def put(self, query: Query) -> bool:
        """Queue the route of ``query``; False if the workers are closed. Never waits."""
        self._line.append(query)
        if self._is_closed:
            try:
                self._line.remove(query)
            except ValueError:
                return True  # `close` has seen it
            return False
        try:
            wakeup = self._idle.pop()
        except IndexError:
            if len(self._threads) < self._size:
                self._start_one()
        else:
            wakeup.release()
        return True

    def is_worker(self) -> bool:
        """Whether the calling thread is one of the workers."""
        with self._starting:
            return threading.current_thread() in self._threads

    def close(self) -> list[Query]:
        """Begin no more routes; returns the queries whose routes were not begun."""
        self._is_closed = True
        left = []
        while self._line:
            try:
                left.append(self._line.popleft())
            except IndexError:
                break  # a worker was faster
        while self._idle:
            try:
                self._idle.pop().release()
            except IndexError:
                break
        return left

    def join(self, deadline: float) -> None:
        """Wait until running routes have finished, or until ``deadline`` (monotonic clock)."""
        with self._starting:
            threads = list(self._threads)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def abandon(self) -> None:
        """In a forked child: drop threads, which do not exist here, and queries of the parent."""
        self._is_closed = True
        self._line.clear()

    def _start_one(self) -> None:
        with self._starting:
            if len(self._threads) >= self._size or self._is_closed:
                return
            thread = threading.Thread(target=self._work, name="onehttp-route", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads: a worker, or the next query's, will do it
                logger.exception("no thread for a route worker")
            else:
                self._threads.append(thread)

    def _work(self) -> None:
        wakeup = threading.Lock()
        wakeup.acquire()
        line, idle = self._line, self._idle
        while not self._is_closed:
            try:
                query = line.popleft()
            except IndexError:
                idle.append(wakeup)
                # Whoever puts something in line from here on finds the wakeup.
                if line or self._is_closed:
                    try:
                        idle.remove(wakeup)
                    except ValueError:
                        wakeup.acquire()  # somebody has just taken it, and rings
                else:
                    wakeup.acquire()
            else:
                self._run(query)
                del query  # an idle worker keeps no response
        if os.getpid() != self._process:
            # A route has forked and returned in the child: that would live on with no thread
            # but those of its own engine.
            os._exit(0)
