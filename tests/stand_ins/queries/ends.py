"""When queries end, and what became of them, also after a shutdown."""

from __future__ import annotations

import threading

import onehttp
from onehttp.queries.open_queries import OpenQueries
from onehttp.queries.query import Query
from onehttp.queries.scheduler import QueryScheduler
from servers.patience import PATIENCE_S


class Ends:
    """A bell for the end of queries, of which users are holding by their routes alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._note_end = OpenQueries.note_end

    def note_and_ring(self, queries: OpenQueries, query: Query) -> None:
        """Stands for `OpenQueries.note_end`."""
        self._note_end(queries, query)
        with self._changed:
            self._changed.notify_all()

    def wait(self, *queries: Query) -> None:
        """Wait until these have ended."""

        def have_ended() -> bool:
            return all(query.state is onehttp.QueryState.ENDED for query in queries)

        with self._changed:
            assert self._changed.wait_for(have_ended, PATIENCE_S), queries


def scheduler() -> QueryScheduler:
    """Of the runtime that this process is initialised to."""
    runtime = onehttp.api.process.runtime
    assert runtime is not None
    return runtime.queries
