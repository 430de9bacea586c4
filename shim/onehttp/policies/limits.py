"""Limits: how many attempts at once, and how many per second.

An attempt first gets its permit to be in flight, first come, first served, and then its moment to
start. So the second limit counts the attempts that do start.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsPolicy:
    """The limits; None means no limit."""

    concurrent: int | None = None
    per_second: float | None = None
    burst: int = 1
    """Attempts at once within ``per_second``."""
    wait_s: float | None = None
    """How long a call may wait for its turn; 0: refused at once, None: as long as it has time."""


class Turn:
    """A waiting attempt."""

    __slots__ = ("is_granted", "wake")

    def __init__(self) -> None:
        self.is_granted = False
        self.wake: Callable[[], None] | None = None

    def when_granted(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when it is granted, on the thread of the attempt that ends; or at once if
        it is. Twice, if that happens in this moment."""
        self.wake = wake  # before looking: whoever grants it looks for this last
        if self.is_granted:
            wake()

    def grant(self) -> None:
        """Let it go on."""
        self.is_granted = True
        if self.wake is not None:
            self.wake()


class Limiter:
    """The limits of one connection in one process.

    Free places are the items of a list, since taking one out and putting it back cannot be
    interrupted, and cost a third of a lock. Nobody waits beside a free place: who leaves puts his
    back *before* looking for somebody who waits, who waits stands in line *before* looking again.
    So no lock is held that a signal handler, a finalizer or a forked child could wait for.
    """

    __slots__ = ("_free", "_interval_s", "_next_at", "_reserving", "_tolerance_s", "_waiting",
                 "policy")  # fmt: skip

    def __init__(self, policy: LimitsPolicy) -> None:
        self.policy = policy
        self._free = None if policy.concurrent is None else [None] * policy.concurrent
        """The free permits; None if their number is not limited."""
        self._waiting: OrderedDict[Turn, None] = OrderedDict()
        self._interval_s = 1 / policy.per_second if policy.per_second else 0.0
        self._tolerance_s = (policy.burst - 1) * self._interval_s
        self._reserving = threading.RLock()  # guards _next_at; a signal handler may reserve, too
        self._next_at = 0.0

    @property
    def in_flight(self) -> int:
        """Attempts that have a permit; 0 if their number is not limited."""
        return 0 if self._free is None else (self.policy.concurrent or 0) - len(self._free)

    def enter_now(self, now_s: float) -> bool:
        """Take a permit and start, if neither needs a wait."""
        free = self._free
        if free is not None:
            if self._waiting:
                return False
            try:
                free.pop()
            except IndexError:
                return False
        if self._interval_s and self.reserve(now_s, 0.0) is None:
            self.leave()
            return False
        return True

    def enter(self) -> Turn | None:
        """Take a permit: None, or the turn to wait for. Whoever gets one must call `leave`."""
        if self._free is None:
            return None
        turn = Turn()
        self._waiting[turn] = None
        self._grant()
        return None if turn.is_granted else turn

    def withdraw(self, turn: Turn) -> bool:
        """Stop waiting; False if the permit was granted meanwhile."""
        return self._waiting.pop(turn, turn) is None

    def leave(self) -> None:
        """Give a permit back."""
        free = self._free
        if free is not None:
            free.append(None)
            if self._waiting:
                self._grant()

    def _grant(self) -> None:
        """Give free permits to the attempts that have waited longest."""
        free = self._free
        while free is not None and self._waiting:
            try:
                free.pop()
            except IndexError:
                return
            try:
                turn, _ = self._waiting.popitem(last=False)
            except KeyError:  # whoever waited has just left the line
                free.append(None)
            else:
                turn.grant()

    def leave_to_parent(self) -> None:
        """In a forked child: its places are the parent's, and whoever waits here waits no more."""
        self._free = None
        self._reserving = threading.RLock()
        while self._waiting:
            turn, _ = self._waiting.popitem()
            turn.is_granted = True  # without a word: what would go on is the parent's

    def reserve(self, now_s: float, longest_s: float | None) -> float | None:
        """Reserve the next moment to start.

        Returns:
            Seconds from now. None if that is later than ``longest_s``; nothing is reserved then.

        Source: the generic cell rate algorithm (ITU-T I.371), in its virtual scheduling form.
        """
        if not self._interval_s:
            return 0.0
        with self._reserving:
            arrival = self._next_at if self._next_at > now_s else now_s
            wait_s = arrival - self._tolerance_s - now_s
            if wait_s <= 0:
                wait_s = 0.0
            elif longest_s is not None and wait_s > longest_s:
                return None
            self._next_at = arrival + self._interval_s
        return wait_s
