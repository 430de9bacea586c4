"""Limits and circuit of one connection that all processes share."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from onehttp.policies.limits import Turn
from onehttp.policies.shared import scripts

if TYPE_CHECKING:
    from onehttp.policies.breaker import BreakerPolicy
    from onehttp.policies.limits import LimitsPolicy
    from onehttp.policies.shared.policy import SharedPolicy

logger = logging.getLogger("onehttp")
_US: Final = 1_000_000


class GateAnswer(NamedTuple):
    """The answer of the server to an attempt that asks for a permit."""

    what: int
    wait_s: float
    """The wait until the attempt may start."""
    era: int


class Gate:
    """The shared state of a connection: the names of its keys, and the arguments of the scripts."""

    __slots__ = ("__weakref__", "_enter", "_leave", "is_spoiled", "keys", "name", "open_s")

    def __init__(
        self,
        name: str,
        policy: SharedPolicy,
        limits: LimitsPolicy | None,
        breaker: BreakerPolicy | None,
    ) -> None:
        self.name = name
        base = f"{policy.namespace}:{{{name}}}"  # braces: all keys in one slot of a cluster
        self.keys = tuple(f"{base}:{what}" for what in ("places", "rate", "circuit", "trials"))
        interval_us = _US / limits.per_second if limits and limits.per_second else 0.0
        tolerance_us = ((limits.burst - 1) * interval_us) if limits else 0.0
        failures, trials = (breaker.failures, breaker.trials) if breaker else (0, 0)
        self.open_s = breaker.open_s if breaker else 0.0
        concurrent = (limits.concurrent or 0) if limits else 0
        self._enter = ((policy.lease_s * _US, concurrent, interval_us, tolerance_us),
                       (failures, trials))  # fmt: skip
        self._leave = (failures, self.open_s * _US, trials)
        self.is_spoiled = False
        """Its keys hold foreign values. Only the thread of the store uses this."""

    def enter_arguments(self, token: str, patience_s: float | None) -> tuple[str | float, ...]:
        """Return the arguments of `scripts.ENTER`."""
        limits, breaker = self._enter
        return (token, *limits, -1 if patience_s is None else patience_s * _US, *breaker)

    def leave_arguments(self, token: str, era: int, verdict: int) -> tuple[str | float, ...]:
        """Return the arguments of `scripts.LEAVE`."""
        return (token, era, verdict, *self._leave)

    def spoiled(self, error: Exception | None) -> None:
        """Note the error of foreign values in its keys; None if there are none (any more)."""
        if self.is_spoiled == (error is not None):
            return
        self.is_spoiled = error is not None
        if error is None:
            logger.warning("connection %s: all processes count together again", self.name)
        else:
            logger.warning(
                "connection %s: a foreign value is stored under %s, %s, %s or %s (%s); until it is "
                "removed, the server counts as unreachable for this connection only",
                self.name, *self.keys, error,
            )  # fmt: skip

    def tell(self, change: int) -> None:
        """Log a change of the shared circuit that an attempt of this process has caused."""
        if change == scripts.OPENED:
            logger.warning("connection %s: circuit of all processes open for %g s",
                           self.name, self.open_s)  # fmt: skip
        elif change == scripts.CLOSED:
            logger.warning("connection %s: circuit of all processes closed again", self.name)


_GIVEN_UP: Final[tuple[None]] = (None,)


class Enter(Turn):
    """An attempt that asks for a permit. It is settled like a `Turn`, even without an answer."""

    def __init__(self, gate: Gate, token: str, patience_s: float | None) -> None:
        self.gate = gate
        self.token = token
        self.patience_s = patience_s
        self._fate: dict[str, tuple[GateAnswer | None]] = {}
        """Set once, in one step: by who settles it, or by who gives it up."""

    @property
    def answer(self) -> GateAnswer | None:
        """The answer; None if there is none."""
        return self._fate.get("is", _GIVEN_UP)[0]

    def settle(self, answer: GateAnswer | None) -> bool:
        """Set the answer, or None if there will be none. Returns False if nothing waits for it."""
        settled = (answer,)
        if self._fate.setdefault("is", settled) is not settled:
            return False
        self.grant()
        return True

    def give_up(self) -> bool:
        """Stop waiting. Returns False if it was settled meanwhile."""
        return self._fate.setdefault("is", _GIVEN_UP) is _GIVEN_UP


class Leave(NamedTuple):
    """The end of an attempt that has a permit, or may have one."""

    gate: Gate
    token: str
    era: int
    verdict: int
