"""The policies of one connection and their state in this process."""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from onehttp.calls.closed_loops import give_back
from onehttp.errors import (
    CancelledError,
    CircuitOpenError,
    ConnectError,
    DisconnectedError,
    LimitReachedError,
    ProtocolError,
    RequestError,
    ResolveError,
    TimeoutError,
    TLSError,
)
from onehttp.policies.breaker import Breaker, BreakerState
from onehttp.policies.budget import Budget
from onehttp.policies.eras import Eras
from onehttp.policies.held_permits import Keeper, is_kept
from onehttp.policies.limits import Limiter, Turn
from onehttp_backends.contract import Outcome, Response
from onehttp_backends.forks import reentrant_lock

if TYPE_CHECKING:
    from onehttp.calls.sharing import Shared
    from onehttp.connections.model import ConnectionSpec
    from onehttp.policies.clock import Clock

SERVER_ERROR: Final = 500
REFUSALS: Final = (CircuitOpenError, LimitReachedError)
_BROKEN: Final = (ResolveError, ConnectError, TLSError, TimeoutError, DisconnectedError,
                  ProtocolError)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCounters:
    """Counts of what the policies of one connection have done. They never go down."""

    retries: int = 0
    """Attempts after the first."""
    exhausted: int = 0
    """Calls that failed in spite of `RetryPolicy`: no attempt or no time was left, or the request
    might have arrived and must not be repeated.
    """
    budget_refused: int = 0
    """The failed calls that were not retried because the retry budget was used up."""
    failovers: int = 0
    """Calls that went on to the next connection of the chain."""
    circuit: BreakerState | None = None
    """The state of the circuit breaker; None if there is none."""
    circuit_opened: int = 0
    """How often the circuit has opened."""
    circuit_refused: int = 0
    """Attempts refused because the circuit was open."""
    limit_waited: int = 0
    """Attempts that had to wait for their turn."""
    limit_refused: int = 0
    """Attempts whose turn did not come in time."""
    counted_alone: int = 0
    """Attempts on shared limits that this process let in by itself, since the server that processes
    count on was away or late."""
    in_flight: int = 0
    """Attempts now, where their number is limited."""


class PoliciesInForce:
    """The policies of one connection and their state, shared by all calls on it.

    After a reload the ``previous`` state is handed on: circuit and limits, if server and policy are
    unchanged; counters, as long as there is a connection of that name.
    """

    __slots__ = (
        "__weakref__",
        "_counting",
        "_counts",
        "attempt_timeout_s",
        "breaker",
        "budget",
        "limiter",
        "name",
        "retry",
        "shared",
        "spec",
    )

    def __init__(self, spec: ConnectionSpec, previous: PoliciesInForce | None = None) -> None:
        self.name = spec.name
        self.spec = spec
        self.retry = spec.retry
        self.attempt_timeout_s = spec.attempt_timeout_s
        self._counting = reentrant_lock()  # guards _counts; a signal handler may count, too
        self.reset()
        _all.add(self)
        if self.shared is not None:
            self.shared.connect()
        if previous is not None:
            self._take_over(previous)

    def reset(self) -> None:
        """Close the circuit, forget what is in flight, and set every count to zero."""
        spec = self.spec
        self.breaker = Breaker(spec.name, spec.breaker, Eras.first) if spec.breaker else None
        self.limiter = Limiter(spec.limits) if spec.limits else None
        self.shared = _shared(spec)
        retry = spec.retry
        self.budget = Budget(retry.budget) if retry and retry.budget else None
        self._counts: dict[str, int] = {}

    def _take_over(self, previous: PoliciesInForce) -> None:
        self._counting, self._counts = previous._counting, previous._counts
        if self.spec.url != previous.spec.url:
            return
        if self.spec.breaker == previous.spec.breaker:
            self.breaker = previous.breaker
        if self.spec.retry == previous.spec.retry:
            self.budget = previous.budget
        if self.spec.limits == previous.spec.limits:
            self.limiter = previous.limiter

    def begin(self, turn: Turn, now_s: float) -> bool:
        """Let an attempt begin at once; False if it has to wait, or must not begin.

        In both cases, and if this raises, either `end` or `drop` must follow.
        """
        era = Eras.first if self.breaker is None else self.breaker.closed_era
        if era and (self.limiter is None or self.limiter.enter_now(turn, now_s)):
            turn.era = era
            return True
        return False

    def end(self, turn: Turn, outcome: Outcome, clock: Clock, keeper: Keeper | None = None) -> None:
        """Note the outcome of an attempt. If this raises, `drop` must follow.

        ``keeper``, if given, will give its permit back later.
        """
        era, limiter = turn.era, self.limiter
        if era < Eras.first:  # it began before a fork: its permit is the parent's
            if limiter is not None:
                limiter.leave(turn)  # unless a handler forked just before it got one
            return
        if limiter is not None and (
            keeper is None or not is_kept(keeper, outcome, partial(limiter.leave, turn))
        ):
            limiter.leave(turn)
        breaker = self.breaker
        if breaker is None:
            return
        well = outcome.status < SERVER_ERROR if type(outcome) is Response else is_well(outcome)
        if well:
            breaker.succeeded(era, turn)
        elif well is None:
            breaker.forget(turn)
        else:
            breaker.failed(era, clock.now)

    def drop(self, turn: Turn) -> None:
        """Take back what an attempt holds that was given up: it may be nothing."""
        if self.limiter is not None:
            self.limiter.leave(turn)
        if self.breaker is not None:
            self.breaker.forget(turn)
        if turn.entered is not None and self.shared is not None:
            self.shared.drop(turn)

    def count(self, what: str) -> None:
        """Add one to ``what``, a field of `PolicyCounters`."""
        with self._counting:
            self._counts[what] = self._counts.get(what, 0) + 1

    def counters(self) -> PolicyCounters:
        """The present counts."""
        give_back()
        breaker, limiter = self.breaker, self.limiter
        with self._counting:
            counts = dict(self._counts)
        return PolicyCounters(
            **counts,
            circuit=breaker.state if breaker else None,
            circuit_opened=breaker.opened if breaker else 0,
            in_flight=limiter.in_flight if limiter else 0,
        )


def _shared(spec: ConnectionSpec) -> Shared | None:
    if spec.shared is None:
        return None
    from onehttp.calls.sharing import Shared  # few have it, and it costs as much as all the others

    return Shared(spec, spec.shared)


def is_well(outcome: Outcome | None) -> bool | None:
    """Whether ``outcome`` shows the server to be well; None if it says nothing about the server."""
    if isinstance(outcome, Response):
        return outcome.status < SERVER_ERROR
    if outcome is None or isinstance(outcome, (RequestError, CancelledError)):
        return None
    return not isinstance(outcome, _BROKEN)


def policies_of(
    spec: ConnectionSpec, previous: PoliciesInForce | None = None
) -> PoliciesInForce | None:
    """The policies of a connection; None if it has none, so that its calls cost nothing extra."""
    is_policed = (
        spec.retry or spec.breaker or spec.limits or spec.failover or spec.attempt_timeout_s
    )
    return PoliciesInForce(spec, previous) if is_policed else None


_all: weakref.WeakSet[PoliciesInForce] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    # What is in flight is the parent's, would never leave its place here, and must not leave one
    # that it does not have.
    Eras.first += 1 << 32
    for policies in list(_all):
        if policies.limiter is not None:
            policies.limiter.leave_to_parent()
        policies.reset()


os.register_at_fork(after_in_child=_after_fork_in_child)
