"""Checks of a queue on NATS take as long as the broker does, and hold up no delivery."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from onehttp.durable import nats_repair
from onehttp.durable.nats_store import NatsStore
from onehttp.durable.store import Delivery
from servers.patience import PATIENCE_S, until
from stand_ins.queries.durable import put

LEASE_S = 60.0


@pytest.mark.debian
def test_a_check_that_its_broker_does_not_answer_holds_up_no_delivery(
    store: NatsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    async def never(*_: object) -> set[str]:
        looks.append("one")
        await asyncio.Event().wait()
        return set()

    monkeypatch.setattr(nats_repair, "_look", never)
    monkeypatch.setattr(nats_repair, "LOOK_S", 0.0)
    put(store, "1", None)
    put(store, "2", "a key")
    found: list[Delivery] = []

    def have_come() -> bool:
        found.extend(store.take("cdr", 2, LEASE_S))
        return len(found) == 2

    until(have_come)
    assert looks == ["one"]


@pytest.mark.debian
def test_a_check_that_began_before_a_consumer_was_made_does_not_make_it_forgotten(
    store: NatsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, may_end = nats_repair._look, threading.Event()
    has_looked = threading.Event()

    async def held(*given: Any) -> set[str]:
        found = await look(*given)
        has_looked.set()
        while not may_end.is_set():
            await asyncio.sleep(0.001)
        return found

    monkeypatch.setattr(nats_repair, "_look", held)
    for number in range(8):
        put(store, str(number), None)
    until(lambda: bool(store.take("cdr", 1, LEASE_S)))  # which makes the consumer
    assert has_looked.wait(PATIENCE_S)
    (pull,) = store._pulls._pulls.values()
    may_end.set()

    def has_ended() -> bool:
        store.take("cdr", 1, LEASE_S)
        return all(begun.looking is None for begun in store._mending._begun.values())

    until(has_ended)
    assert list(store._pulls._pulls.values()) == [pull]
