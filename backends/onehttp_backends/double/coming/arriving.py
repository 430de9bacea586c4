"""Bodies that arrive in pieces, under the time limits of their call."""

from __future__ import annotations

import math
from collections.abc import Callable

from onehttp_backends.contract import Request, Response
from onehttp_backends.double.coming.cut import (
    ComingResponse,
    break_of,
    check_announced,
    checked_whole,
    is_passed_by,
    limited,
)
from onehttp_backends.double.coming.pace import Pace, too_late, too_slow, too_still
from onehttp_backends.errors import TransferError

Limit = tuple[float, Callable[[], TransferError]]
"""When it is over, and what that is to be told by."""


def pace_of(response: Response, request: Request) -> Pace | None:
    """The pace at which the body of ``response`` comes; None: at once, or it has none."""
    if isinstance(response, ComingResponse) and request.method != "HEAD":
        return response.pace
    return None


async def arrived(response: Response, request: Request, total_s: float | None) -> Response:
    """``response`` when all of it is there that ``request`` waits for.

    Raises:
        TransferError: it did not come within a limit, broke off, or is larger than allowed.
    """
    pace = pace_of(response, request)
    if pace is None:
        return checked_whole(limited(response, request), request)
    size, most = len(response.body), request.options.max_body_bytes
    if is_passed_by(response, request):
        most = 0  # though nobody wants it, it comes first
    else:
        check_announced(response, request)
    end_s = pace.comes_at(min(size, most + 1) if most else size)
    idle_s = request.options.idle_timeout_s
    idle_at = pace.came_s + idle_s if 0 < idle_s < pace.pause_s else math.inf
    slow_at = pace.slow_at(request.options.low_speed, end_s)
    whole_s = math.inf if total_s is None else total_s
    limits = _limits(request, pace, (whole_s, idle_s), (idle_at, slow_at))
    await _until(pace, end_s, limits)
    return checked_whole(limited(response, request), request)


async def _until(pace: Pace, due_s: float, limits: list[Limit]) -> None:
    """Wait until something is there, or a limit is over before."""
    at_s, error = min(limits, key=lambda limit: limit[0])
    await pace.until(min(at_s, due_s))
    if at_s < due_s:
        raise error()


class Arriving:
    """A body that is read piece by piece while it comes.

    Args:
        idle_s: seconds without a piece while somebody waits for one; 0 = no limit.
        left_s: seconds for all of it, from the beginning of the request on.
    """

    def __init__(
        self, response: Response, request: Request, pace: Pace, idle_s: float, left_s: float
    ) -> None:
        self._body = response.body
        self._given = 0
        self._break = break_of(response, request)
        self._request = request
        self._pace = pace
        self._idle_s = idle_s
        self._left_s = left_s
        end_s = pace.comes_at(len(self._body))
        self._slow_at = pace.slow_at(request.options.low_speed, end_s)

    async def next_piece(self) -> bytes:
        """The next piece; b"" at the end.

        Raises:
            TransferError: it will not come.
        """
        given = self._given
        if given >= len(self._body):
            if self._break is not None:
                raise self._break
            return b""
        end = min(len(self._body), given + self._pace.piece_bytes)
        await _until(self._pace, self._pace.comes_at(end), self._limits())
        self._given = end
        return self._body[given:end]

    async def aclose(self) -> None:
        """Read no more."""
        self._body, self._break = b"", None

    def _limits(self) -> list[Limit]:
        idle_s = self._idle_s
        idle_at = self._pace.now() + idle_s if idle_s else math.inf
        return _limits(self._request, self._pace, (self._left_s, idle_s), (idle_at, self._slow_at))


def _limits(
    request: Request, pace: Pace, limits_s: tuple[float, float], at_s: tuple[float, float]
) -> list[Limit]:
    """The limits: total, idle, and speed."""
    (total_s, idle_s), (idle_at, slow_at) = limits_s, at_s
    found: list[Limit] = [
        (pace.began_s + total_s, lambda: too_late(request, total_s)),
        (idle_at, lambda: too_still(request, idle_s)),
    ]
    rule = request.options.low_speed
    return found if rule is None else [*found, (slow_at, lambda: too_slow(request, rule))]
