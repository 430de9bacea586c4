"""Limits: how many attempts at once, and how many per second.

An attempt first gets its permit to be in flight, first come, first served, and then its moment to
start. So the second limit counts the attempts that do start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from onehttp_backends.forks import reentrant_lock


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
    """The place of an attempt among those that are in flight, or wait for it.

    It exists before the attempt takes anything, and what is taken is kept under it. So whoever puts
    things right after an exception of a signal handler gives back what was taken, and no more.
    """

    # Of the class until they are set: most attempts wait for nothing, and each has a turn.
    era = 0
    """The era in which the attempt began; 0: it has not."""
    entered: object = None
    """What it has asked of the server of shared limits."""
    is_granted = False
    wake: Callable[[], None] | None = None

    def when_granted(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when it is granted, on the thread of the attempt that ends; or at once if
        it is. Twice, if that happens in this moment."""
        self.wake = wake  # before looking: whoever grants it looks for this last
        if self.is_granted:
            wake()

    def grant(self) -> None:
        """Let it go on. To be repeated, if that is interrupted."""
        self.is_granted = True
        if self.wake is not None:
            self.wake()


class Limiter:
    """The limits of one connection in one process.

    All attempts stand in one line, in which the first are in flight and the others wait. Each step
    is one of a dict, which cannot be interrupted, and costs less than a lock: to stand in line, and
    to leave it, from whatever place. Nobody waits beside a free place: who leaves does so *before*
    looking who waits, and who waits says so *before* looking who is among the first. So whichever
    of the two is later sees the other. No lock is held that a signal handler, a finalizer or a
    forked child could wait for, and leaving can be repeated.
    """

    __slots__ = ("_interval_s", "_line", "_next_at", "_places", "_reserving", "_tolerance_s",
                 "_waiting", "policy")  # fmt: skip

    def __init__(self, policy: LimitsPolicy) -> None:
        self.policy = policy
        self._places = policy.concurrent or 0
        """How many may be in flight; 0 if their number is not limited."""
        self._line: dict[Turn, None] = {}
        self._waiting: dict[Turn, None] = {}
        """Those in line who were not among the first, and have not been woken."""
        self._interval_s = 1 / policy.per_second if policy.per_second else 0.0
        self._tolerance_s = (policy.burst - 1) * self._interval_s
        self._reserving = reentrant_lock()  # guards _next_at; a signal handler may reserve, too
        self._next_at = 0.0

    @property
    def in_flight(self) -> int:
        """Attempts that have a permit; 0 if their number is not limited."""
        return min(len(self._line), self._places)

    def enter_now(self, turn: Turn, now_s: float) -> bool:
        """Take a permit and start, if neither needs a wait. Whoever gets one must call `leave`."""
        places = self._places
        if places:
            line = self._line
            if len(line) >= places:
                return False
            line[turn] = None
            if len(line) > places:
                self.leave(turn)
                return False
        if self._interval_s and self.reserve(now_s, 0.0) is None:
            self.leave(turn)
            return False
        return True

    def enter(self, turn: Turn) -> bool:
        """Take a permit; False: ``turn`` is to be waited for. In both cases call `leave`."""
        if self._places:
            self._line[turn] = None
            if len(self._line) > self._places:
                self._waiting[turn] = None
                self._call_up()
                if self._places:  # otherwise this is a forked child by now: it has no limit
                    return turn.is_granted
        turn.is_granted = True
        return True

    def leave(self, turn: Turn) -> None:
        """Give a permit back, or stop waiting. Once more, it does nothing but wake others."""
        self._line.pop(turn, None)
        self._waiting.pop(turn, None)
        if self._waiting:
            self._call_up()

    def _call_up(self) -> None:
        """Wake those who have come to be among the first."""
        while True:
            try:
                first = list(islice(self._line, self._places))
            except RuntimeError:  # a finalizer has changed it meanwhile
                continue
            break
        for turn in first:
            if turn in self._waiting:
                turn.grant()
                self._waiting.pop(turn, None)  # last: what a signal handler cuts off is repeated

    def leave_to_parent(self) -> None:
        """In a forked child: its places are the parent's, and whoever waits here waits no more."""
        self._places = 0
        line, self._line, self._waiting = self._line, {}, {}
        for turn in list(line):
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
