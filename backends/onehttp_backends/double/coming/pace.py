"""In which pieces a body comes, and when: by real time, or by a clock that a test moves."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Final, Protocol

from onehttp_backends.contract import LowSpeed, Request
from onehttp_backends.errors import CurlCode, Phase, Sent, TransferError, idle_text, transfer_error
from onehttp_backends.shown import shown

AVERAGED_S: Final = 5
"""libcurl's speed is that of the last seconds, looked at each second."""
_MOST_LOOKS: Final = 100_000


class Judge:
    """Says whether a transfer has been too slow for too long, as libcurl counts."""

    def __init__(self, rule: LowSpeed) -> None:
        self._rule = rule
        self._since: float | None = None

    def is_over(self, second: float, speed: float) -> bool:
        """Look at the speed at a second of the transfer."""
        if speed >= self._rule.bytes_per_s:
            self._since = None
        elif self._since is None:
            self._since = second
        return self._since is not None and second - self._since >= self._rule.time_s


class MovedClock(Protocol):
    """Time that passes when somebody says so."""

    def now(self) -> float:
        """Seconds so far."""

    def advance(self, seconds: float) -> None:
        """Let them pass."""


class Pace:
    """So many bytes, after a pause before each piece.

    Attributes:
        began_s: when the request was made.
        came_s: when the head of its answer was there.
    """

    __slots__ = ("_clock", "began_s", "came_s", "pause_s", "piece_bytes")

    def __init__(self, piece_bytes: int, pause_s: float) -> None:
        self.piece_bytes = piece_bytes
        self.pause_s = pause_s
        self._clock: MovedClock | None = None
        self.began_s = self.came_s = 0.0

    def anew(self) -> Pace:
        """The same for another request."""
        return Pace(self.piece_bytes, self.pause_s)

    def begin(self, clock: MovedClock | None, began_s: float) -> None:
        """The head is there. Of a request that was made at ``began_s`` by that clock; None: by
        `time.monotonic`."""
        self._clock = clock
        self.began_s, self.came_s = began_s, self.now()

    @property
    def is_moved(self) -> bool:
        """Whether somebody moves the time it goes by."""
        return self._clock is not None

    def now(self) -> float:
        """Seconds by the clock it goes by."""
        return time.monotonic() if self._clock is None else self._clock.now()

    async def until(self, at_s: float) -> None:
        """Wait."""
        left_s = at_s - self.now()
        if left_s <= 0:
            return
        if self._clock is None:
            await asyncio.sleep(left_s)
        else:
            self._clock.advance(left_s)

    def comes_at(self, size: int) -> float:
        """When so many bytes of the body are there."""
        return self.came_s + math.ceil(size / self.piece_bytes) * self.pause_s

    def slow_at(self, rule: LowSpeed | None, end_s: float) -> float:
        """When it has been too slow for too long, as libcurl counts; `math.inf`: not before its
        end."""
        if rule is None:
            return math.inf
        judge = Judge(rule)
        looks = range(min(_MOST_LOOKS, math.ceil(max(0.0, end_s - self.began_s)) + 1))
        for second in looks:
            now_s = self.began_s + second
            span_s = min(second, AVERAGED_S)
            came = self._came_by(now_s) - self._came_by(now_s - span_s)
            if judge.is_over(second, came / span_s if span_s else 0.0):
                return now_s
        return math.inf

    def _came_by(self, at_s: float) -> int:
        if at_s < self.came_s or not self.pause_s:
            return 0
        return math.floor((at_s - self.came_s) / self.pause_s) * self.piece_bytes


def too_late(request: Request, limit_s: float) -> TransferError:
    """The error of a body that did not come in time."""
    return _of_time(request, f"no end within {limit_s:g} s")


def too_still(request: Request, limit_s: float) -> TransferError:
    """The error of a transfer that was idle for too long."""
    return _of_time(request, idle_text(limit_s))


def too_slow(request: Request, rule: LowSpeed) -> TransferError:
    """The error of a transfer that was too slow."""
    return _of_time(request, slow_text(rule))


def slow_text(rule: LowSpeed) -> str:
    """The text of the error of a transfer that was too slow."""
    return f"less than {rule.bytes_per_s} bytes/s for {rule.time_s} s"


def _of_time(request: Request, what: str) -> TransferError:
    code = CurlCode.OPERATION_TIMEDOUT
    return transfer_error(code, f"{shown(request)}: {what}", sent=Sent.YES, phase=Phase.BODY)
