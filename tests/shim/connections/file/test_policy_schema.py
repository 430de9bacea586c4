"""Policies as a connections file says them, and as values."""

from __future__ import annotations

from typing import Any

import pytest

from onehttp.connections.file.load import load_connections
from onehttp.connections.model import ConnectionSpec
from onehttp.errors import ConfigurationError
from onehttp.policies.breaker import BreakerPolicy
from onehttp.policies.limits import LimitsPolicy
from onehttp.policies.retry import RetryPolicy


def spec(**options: Any) -> ConnectionSpec:
    api = {"url": "http://api.example", **options}
    return load_connections({"version": 1, "connections": {"api": api}})["api"]


def test_a_connection_has_no_policy_unless_told() -> None:
    plain = spec()
    assert (plain.failover, plain.retry, plain.breaker, plain.limits) == ((), None, None, None)
    assert plain.attempt_timeout_s is None


def test_every_key_reaches_its_value() -> None:
    full = spec(
        timeout={"total": 5, "attempt": 1.5},
        retry={
            "attempts": 4,
            "backoff": {"base": 0.5, "max": 8},
            "statuses": [500],
            "errors": ["tls"],
            "retry_after": False,
        },
        circuit_breaker={"failures": 2, "open_for": 30, "trials": 3},
        limits={"concurrent": 8, "per_second": 2.5, "burst": 4, "wait": 0},
    )
    assert full.attempt_timeout_s == 1.5
    assert full.retry == RetryPolicy(
        attempts=4,
        backoff_base_s=0.5,
        backoff_max_s=8,
        statuses=frozenset({500}),
        errors=("tls",),
        honours_retry_after=False,
    )
    assert full.breaker == BreakerPolicy(failures=2, open_s=30, trials=3)
    assert full.limits == LimitsPolicy(concurrent=8, per_second=2.5, burst=4, wait_s=0)


def test_a_bare_number_is_the_main_figure_of_a_policy() -> None:
    short = spec(retry=2, circuit_breaker=7, limits=16)
    assert short.retry == RetryPolicy(attempts=2)
    assert short.breaker == BreakerPolicy(failures=7)
    assert short.limits == LimitsPolicy(concurrent=16)
    assert spec(retry={"backoff": 0.25}).retry == RetryPolicy(backoff_base_s=0.25)


def test_an_empty_mapping_is_a_policy_by_its_defaults_and_limits_of_nothing_are_none() -> None:
    assert spec(retry={}, circuit_breaker={}).retry == RetryPolicy()
    assert spec(circuit_breaker={}).breaker == BreakerPolicy()
    assert spec(limits={}).limits is None


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"retry": {"attempts": 0}}, "retry.attempts"),
        ({"retry": {"attemps": 2}}, "did you mean 'attempts'"),
        ({"retry": {"backoff": {"bse": 1}}}, "did you mean 'base'"),
        ({"retry": {"statuses": [200]}}, "retry.statuses.0"),
        ({"retry": {"errors": ["conect"]}}, "retry.errors.0"),
        ({"retry": True}, "retry"),
        ({"circuit_breaker": {"open_for": -1}}, "circuit_breaker.open_for"),
        ({"circuit_breaker": {"failure": 3}}, "did you mean 'failures'"),
        ({"limits": {"per_second": 0}}, "limits.per_second"),
        ({"limits": {"concurrent": 1.5}}, "limits.concurrent"),
        ({"limits": {"concurent": 1}}, "did you mean 'concurrent'"),
        ({"failover": 7}, "failover"),
        ({"timeout": {"attempt": "fast"}}, 'expected seconds > 0, got "fast"'),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_its_key(
    options: dict[str, Any], error: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        spec(**options)
    assert error in str(caught.value)
