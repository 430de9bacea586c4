"""What became of the queries of a process."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Account:
    """Counts since the process was initialised. The scheduler's lock is held to change one."""

    submitted: int = 0
    refused: int = 0
    """Not begun: no room, no transaction to suspend, or a request that cannot be sent."""
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
        """A copy that stays as it is."""
        return QueryStats(**asdict(self), open=open_queries)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryStats:
    """What became of the queries. ``submitted == completed + failed + cancelled + open`` and
    ``suspended == resumed + gone``, once nothing is open."""

    submitted: int
    """Those that `submit` has returned."""
    refused: int
    """Those for which it raised."""
    completed: int
    """Ended with a response, whatever its status."""
    failed: int
    """Ended with an error, out of time included."""
    cancelled: int
    suspended: int
    """Transactions put aside for a query."""
    resumed: int
    """... and taken up again, with its route or (at a shutdown) without."""
    gone: int
    """... that had ended by themselves when the answer came; the route was not run."""
    routes_run: int
    routes_failed: int
    """Of those: raised."""
    routes_not_run: int
    """Given up at a shutdown."""
    open: int = 0
    """Submitted and not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutdownReport:
    """What a shutdown found in the works: each open query is in one of the first three."""

    finished: int = 0
    """Queries that came to their end."""
    cancelled: int = 0
    """Queries that had no answer when the grace was over, and ended with a `CancelledError`."""
    still_open: int = 0
    """Queries that nobody could end: their route still ran when the grace was over."""
    routes_not_run: int = 0
    """Of all these: those whose route nobody had begun; transactions went on without it."""
