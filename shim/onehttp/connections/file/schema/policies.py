"""What a connections file may say of policies: the keys ``failover``, ``retry``,
``circuit_breaker`` and ``limits`` of a connection."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema

from onehttp.connections.file.schema.strict import Model, Seconds, Short
from onehttp.policies.breaker import BreakerPolicy
from onehttp.policies.budget import BudgetPolicy
from onehttp.policies.limits import LimitsPolicy
from onehttp.policies.retry import DEFAULT_STATUSES, ErrorKind, RetryPolicy


def _names(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_NUMBER = {"type": "number", "exclusiveMinimum": 0}
_NAMES = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_COUNT = {"type": "integer", "minimum": 1}

Status = Annotated[int, Field(ge=400, le=599)]


class BackoffModel(Model):
    """The wait before attempt n + 1: a random share of ``base * 2**(n - 1)``, at most ``max``."""

    base: Seconds = 0.1
    max: Seconds = 2.0


class BudgetModel(Model):
    """Let repetitions be a share of the calls: no storm of them when a server fails."""

    share: float = Field(default=0.2, gt=0, le=1, allow_inf_nan=False, description="of the calls")
    reserve: int = Field(
        default=10, ge=1, le=1_000_000, description="in hand at first, and saved up at most"
    )

    def policy(self) -> BudgetPolicy:
        """The value that calls go by."""
        return BudgetPolicy(share=self.share, reserve=self.reserve)


class RetryModel(Model):
    """Repeat an attempt that failed."""

    attempts: int = Field(default=3, ge=1, le=20, description="in all, the first one included")
    backoff: Annotated[BackoffModel, Short("base", (int, float), _NUMBER)] = BackoffModel()
    statuses: tuple[Status, ...] = Field(
        default=DEFAULT_STATUSES, description="that count as failed"
    )
    errors: tuple[ErrorKind, ...] = Field(
        default=RetryPolicy().errors, description=f"of: {', '.join(get_args(ErrorKind))}"
    )
    retry_after: bool = Field(default=True, description="wait as long as the server asks for")
    budget: Annotated[BudgetModel, Short("share", (int, float), _NUMBER)] | None = None

    def policy(self) -> RetryPolicy:
        """The value that calls go by."""
        return RetryPolicy(
            attempts=self.attempts,
            backoff_base_s=self.backoff.base,
            backoff_max_s=self.backoff.max,
            statuses=frozenset(self.statuses),
            errors=self.errors,
            honours_retry_after=self.retry_after,
            budget=self.budget.policy() if self.budget else None,
        )


class CircuitBreakerModel(Model):
    """Refuse calls at once while the server is known to fail."""

    failures: int = Field(
        default=5, ge=1, le=1_000_000, description="in a row that open the circuit"
    )
    open_for: Seconds = Field(default=10.0, description="seconds until it is tried again")
    trials: int = Field(default=1, ge=1, le=100, description="that must succeed to close it")

    def policy(self) -> BreakerPolicy:
        """The value that calls go by."""
        return BreakerPolicy(failures=self.failures, open_s=self.open_for, trials=self.trials)


class LimitsModel(Model):
    """How much this process may ask of the server at once."""

    concurrent: int | None = Field(
        default=None, ge=1, le=1_000_000, description="attempts in flight"
    )
    per_second: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False)
    burst: int = Field(
        default=1, ge=1, le=1_000_000, description="attempts at once within per_second"
    )
    wait: float | None = Field(
        default=None, ge=0, le=86_400, description="seconds a call may wait; none: its own limit"
    )

    def policy(self) -> LimitsPolicy | None:
        """The value that calls go by; None where nothing is limited."""
        if self.concurrent is None and self.per_second is None:
            return None
        return LimitsPolicy(
            concurrent=self.concurrent,
            per_second=self.per_second,
            burst=self.burst,
            wait_s=self.wait,
        )


class PolicyModel(Model):
    """The policies of one connection."""

    failover: Annotated[tuple[str, ...], BeforeValidator(_names), WithJsonSchema(_NAMES)] = Field(
        default=(), description="a connection, or several in order, to go to when this one fails"
    )
    retry: Annotated[RetryModel, Short("attempts", (int,), _COUNT)] | None = None
    circuit_breaker: Annotated[CircuitBreakerModel, Short("failures", (int,), _COUNT)] | None = None
    limits: Annotated[LimitsModel, Short("concurrent", (int,), _COUNT)] | None = None
