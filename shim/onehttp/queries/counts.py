"""Counters of the queries of a process."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class QueryCounts:
    """The running counts. Change one only while holding the scheduler's lock."""

    submitted: int = 0
    refused: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    suspended: int = 0
    resumed: int = 0
    gone: int = 0
    routes_run: int = 0
    routes_failed: int = 0
    routes_not_run: int = 0

    def stats(self, open_queries: int) -> QueryStats:
        """An immutable copy."""
        return QueryStats(**asdict(self), open=open_queries)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryStats:
    """Counts of the queries since the process was initialised.

    ``submitted == completed + failed + cancelled + open`` at any time; ``suspended == resumed +
    gone`` once no query is open.
    """

    submitted: int
    """Queries that `submit` returned."""
    refused: int
    """Calls of `submit` that raised: no room, no transaction to suspend, an unsendable request."""
    completed: int
    """Queries that ended with a response, whatever its status."""
    failed: int
    """Queries that ended with an error, timeouts included."""
    cancelled: int
    """Queries that were cancelled, or ended by a shutdown."""
    suspended: int
    """Transactions suspended for a query."""
    resumed: int
    """Transactions resumed, with the route or (at a shutdown) without it."""
    gone: int
    """Transactions that had ended before the answer came; their routes were not run."""
    routes_run: int
    """Routes that were run."""
    routes_failed: int
    """Routes that raised; they count as run, too."""
    routes_not_run: int
    """Routes given up at a shutdown."""
    open: int = 0
    """Queries submitted and not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutdownReport:
    """What a shutdown did with open queries. The first three numbers add up to all of them."""

    finished: int = 0
    """Queries that ended by themselves within the grace."""
    cancelled: int = 0
    """Queries without an answer by then, ended with a `CancelledError`."""
    still_open: int = 0
    """Queries whose route was still running by then; a running route cannot be ended."""
    routes_not_run: int = 0
    """Queries, among all of these, whose route was not run; transactions were resumed without
    it."""
