"""Time limits that are none: refused alike by every way to call, whatever else is in force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

import onehttp


class Unclear:
    """Something of a library for numbers, which does not say whether it is true."""

    def __bool__(self) -> bool:
        raise ValueError


CONNECTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "policed": {"retry": 2, "circuit_breaker": 3, "limits": {"concurrent": 2}},
    "failing-over": {"failover": "plain"},
}
WRONG: list[Any] = [
    (1, 2), [1], "2", b"2", {"total": 1}, True, -1, float("nan"), float("inf"), Decimal(1),
    timedelta(seconds=1), onehttp.Timeout("2"), onehttp.Timeout(1, "2"),  # type: ignore[arg-type]
    onehttp.Timeout(idle_s="2"), onehttp.Timeout(-1), onehttp.Timeout(1, -1),  # type: ignore[arg-type]
    Unclear(), onehttp.Timeout(Unclear()), onehttp.Timeout(idle_s=Unclear()),  # type: ignore[arg-type]
    "", b"", [], {},
]  # fmt: skip


def stream(api: onehttp.Connection, **how: Any) -> None:
    with api.stream("GET", "/x", **how):
        pass


WAYS: dict[str, Callable[..., object]] = {
    "call": lambda api, **how: api.get("/x", **how),
    "task": lambda api, **how: asyncio.run(api.aget("/x", **how)),
    "query": lambda api, **how: api.submit("GET", "/x", **how),
    "stream": stream,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("follows", [False, True], ids=["", "follows"])
@pytest.mark.parametrize("name", CONNECTIONS)
def test_a_time_limit_that_is_none_is_refused(
    engine: str, way: str, follows: bool, name: str
) -> None:
    named = {each: {"url": "http://127.0.0.1:1", **how} for each, how in CONNECTIONS.items()}
    onehttp.init({"version": 1, "connections": named}, backend=engine)
    api = onehttp.connection(name)
    told: dict[str, str] = {}
    for wrong in WRONG:
        try:
            WAYS[way](api, timeout=wrong, follow_redirects=follows)
        except onehttp.RequestError as error:
            told[repr(wrong)] = error.message
        except TypeError as error:
            told[repr(wrong)] = repr(error)
        else:
            told[repr(wrong)] = "taken"
    assert {each: text for each, text in told.items() if "expected seconds" not in text} == {}
