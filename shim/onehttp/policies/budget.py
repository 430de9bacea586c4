"""A retry budget: how many of the calls may be made again while a server is in trouble.

Three attempts for every call are three times the load on a server that fails because it has too
much already, and three more at each layer above. A budget lets retries be a share of the calls,
and stops them when more is wanted.

Source: Envoy's `retry_budget` (a share of the requests), gRPC's retry throttling (A6) and
Finagle's RetryBudget, which count in tokens as this does.
"""

from __future__ import annotations

from dataclasses import dataclass

from onehttp_backends.forks import reentrant_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPolicy:
    """How many retries are allowed."""

    share: float = 0.2
    """The share of a retry that each call adds: with 0.2, one of five calls can be retried."""
    reserve: int = 10
    """Retries that are available at first, and the most that can be saved up."""


class Budget:
    """The budget of one connection in one process: each call adds a share of a retry."""

    __slots__ = ("_counting", "_left", "_policy")

    def __init__(self, policy: BudgetPolicy) -> None:
        self._policy = policy
        self._left = float(policy.reserve)
        self._counting = reentrant_lock()  # guards _left; a signal handler may count, too

    def note_call(self) -> None:
        """Note a call, however many attempts it makes."""
        with self._counting:
            self._left = min(self._left + self._policy.share, self._policy.reserve)

    def take(self) -> bool:
        """Whether the budget allows one more attempt; it is taken from the budget then."""
        with self._counting:
            # Five times 0.2 are a little less than 1.
            if self._left < 1 - 1e-9:
                return False
            self._left -= 1
            return True
