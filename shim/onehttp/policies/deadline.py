"""The deadline of a call, for all its attempts, redirects and waits."""

from __future__ import annotations

from typing import Final

from onehttp.policies.clock import Clock
from onehttp_backends.contract import Request
from onehttp_backends.rules.request_rules import check_seconds
from onehttp_backends.time_limits import total_s

_SHORTEST_S: Final = 0.001


class Deadline:
    """The deadline that the time limit of a call's first request sets, counted from ``began``.

    Raises:
        RequestTypeError: that limit is no number.
    """

    __slots__ = ("_due", "clock")

    def __init__(self, request: Request, clock: Clock, began: float | None = None) -> None:
        self.clock = clock
        limit_s = total_s(request)
        try:
            self._due = (clock.now() if began is None else began) + limit_s if limit_s else None
        except Exception:  # its own, or a TypeError: the engine, which checks it, is not asked yet
            check_seconds("timeout", limit_s)
            raise

    def left_s(self) -> float | None:
        """Seconds left, 0 if it is over; None if there is no limit."""
        return None if self._due is None else max(0.0, self._due - self.clock.now())

    def within(self, request: Request, attempt_s: float | None) -> Request:
        """``request`` with its time limits cut to the deadline, and to ``attempt_s`` if given."""
        limit_s = least(self.left_s(), least(attempt_s, total_s(request) or None))
        if limit_s is None:
            return request
        return request._replace(total_timeout_s=max(limit_s, _SHORTEST_S))  # 0 would be no limit


def least(one_s: float | None, other_s: float | None) -> float | None:
    """The shorter of two limits; None means no limit."""
    if one_s is None or other_s is None:
        return other_s if one_s is None else one_s
    return min(one_s, other_s)
