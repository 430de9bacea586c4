"""The circuit breaker: calls to a server that fails are refused until it had time to recover.

Theory of operation
-------------------
1. *Closed* lets every attempt through and counts failures in a row. The one look that each attempt
   costs then is at `Breaker.closed_era`, without the lock.
2. *Open* lets none through until ``open_s`` are over. No timer ends it: the first attempt that
   comes after that time does, so that an idle connection costs nothing.
3. *Half-open* lets ``trials`` attempts through and refuses the others. All must succeed for the
   circuit to close; the first that fails opens it again, for another ``open_s``.
4. *A verdict counts in its own era only*, the time between two changes of state: what began before
   the circuit opened says nothing about a trial, and a late failure of one does not open what
   another trial has closed.
5. *Every attempt that was admitted ends in one verdict*, `succeeded`, `failed` or `forget` (it was
   cancelled, or says nothing of the server). `forget` gives a trial back, so that a circuit cannot
   stay half-open for want of one: the course of a call sees to it, whatever is raised.

docs/states.md draws the table.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from onehttp_backends.forks import reentrant_lock

Now: TypeAlias = Callable[[], float]
"""A clock that never goes back, in seconds; read only while the circuit is not closed."""
logger = logging.getLogger("onehttp")


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a circuit opens, and when it closes again."""

    failures: int = 5
    """How many failures in a row open the circuit."""
    open_s: float = 10.0
    """The time for which the circuit stays open, in seconds."""
    trials: int = 1
    """How many attempts are let through after that; all must succeed to close the circuit."""


class BreakerState(enum.Enum):
    """The states of a circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


TRANSITIONS: Final[Mapping[BreakerState, Mapping[BreakerState, str]]] = {
    BreakerState.CLOSED: {BreakerState.OPEN: "too many failures in a row"},
    BreakerState.OPEN: {BreakerState.HALF_OPEN: "an attempt, after open_s"},
    BreakerState.HALF_OPEN: {
        BreakerState.CLOSED: "all trials have succeeded",
        BreakerState.OPEN: "a trial has failed",
    },
}
"""The transitions from each state, with their causes."""


class Breaker:
    """The circuit breaker of one connection in one process.

    An attempt is admitted in an *era*, the time between two changes of state, and its result counts
    in that era only: an attempt from before the circuit opened says nothing about a trial.
    """

    __slots__ = ("_changing", "_era", "_failures", "_open_until", "_trials", "closed_era",
                 "name", "opened", "policy", "state")  # fmt: skip

    def __init__(self, name: str, policy: BreakerPolicy, first_era: int = 1) -> None:
        self.name = name
        self.policy = policy
        self._changing = reentrant_lock()
        """Guards all the rest. Reentrant: a signal handler, a finalizer or whoever handles what is
        logged here may make a call."""
        self.state = BreakerState.CLOSED
        self.opened = 0
        """How often the circuit has opened."""
        self._era = self.closed_era = first_era
        """0 unless the circuit is closed: one look tells, without the lock."""
        self._failures = 0
        self._open_until = 0.0
        self._trials: dict[object, bool] = {}
        """The trials of this era, by whatever stands for their attempts, and who has succeeded."""

    def admit(self, now: Now, attempt: object) -> int:
        """The era in which ``attempt`` may begin; 0 if it is refused.

        Each admitted attempt must end in one of `succeeded`, `failed` and `forget`.
        """
        era = self.closed_era
        if era:
            return era
        with self._changing:
            before = self._era
            if self.state is BreakerState.OPEN and now() >= self._open_until:
                self._become(BreakerState.HALF_OPEN, before)
            if self.state is BreakerState.HALF_OPEN:
                self._trials[attempt] = False
                if len(self._trials) > self.policy.trials:
                    self._trials.pop(attempt, None)
                    return 0
                return self._era
            return self.closed_era

    def succeeded(self, era: int, attempt: object) -> None:
        """Note that ``attempt``, admitted in ``era``, has succeeded."""
        if era == self.closed_era and not self._failures:
            return
        with self._changing:
            if era != self._era:
                return
            self._failures = 0
            if self.state is BreakerState.HALF_OPEN:
                self._trials[attempt] = True
                if sum(self._trials.values()) >= self.policy.trials:
                    self._become(BreakerState.CLOSED, era)

    def failed(self, era: int, now: Now) -> None:
        """Note that an attempt admitted in ``era`` has failed."""
        with self._changing:
            if era != self._era:
                return
            self._failures += 1
            if self.state is BreakerState.HALF_OPEN or self._failures >= self.policy.failures:
                self._open_until = now() + self.policy.open_s
                self._become(BreakerState.OPEN, era)

    def forget(self, attempt: object) -> None:
        """Note that an attempt says nothing about the server, so another may take its place. It
        need not have been admitted."""
        if self._trials:
            with self._changing:
                self._trials.pop(attempt, None)

    def _become(self, state: BreakerState, before: int) -> None:
        """End the era ``before``, unless a signal handler has made a call that did."""
        era = before + 1
        closed_era = era if state is BreakerState.CLOSED else 0
        opened = self.opened + (state is BreakerState.OPEN)
        is_allowed = state in TRANSITIONS[self.state]
        # From here on nothing is called, after which a signal handler could call or raise.
        if self._era != before:
            return
        assert is_allowed, f"{self.state} -> {state}"
        self.state, self._era, self._trials = state, era, {}
        self.closed_era, self.opened = closed_era, opened
        if state is BreakerState.OPEN:
            logger.warning("connection %s: circuit open for %g s after %d failures in a row",
                           self.name, self.policy.open_s, self._failures)  # fmt: skip
        elif state is BreakerState.CLOSED:
            logger.warning("connection %s: circuit closed again", self.name)
