"""Who calls in a soak: threads, event loops, SIP transactions, tasks that wait for a route."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import onehttp
from onehttp.queries.routes import Route
from onehttp.testing import FakeTransaction, FakeTransactionLayer
from soak.account import Account

TIMEOUT_S = 2.0
TRANSACTION_TIMER_S = 1.0
"""Shorter than a transfer's time, so that some transactions are gone when the answer comes."""
TASKS_PER_LOOP = 16
ROOM = 96
"""Plain queries, and suspended transactions, under way at once."""
CHAIN = 3
HANG_S = 60.0
"""Long after every time limit: a call that has not ended by then never will."""


class RouteFailedError(Exception):
    """What a route raises now and then."""


@dataclass(frozen=True)
class Load:
    """Calls to ``urls`` until ``end`` (monotonic), each entered in ``account``."""

    urls: tuple[str, ...]
    account: Account
    end: float

    def threads(self, blocking: int, loops: int) -> list[threading.Thread]:
        layer = FakeTransactionLayer(TRANSACTION_TIMER_S)
        work: list[Callable[[], object]] = [self.block] * blocking
        work += [lambda: asyncio.run(self.crowd())] * loops
        work += [self.submit, Callers(self, layer).run]
        return [threading.Thread(target=each, daemon=True) for each in work]

    def goes_on(self) -> bool:
        return time.monotonic() < self.end

    def query(self, dice: random.Random, route: Route | None) -> onehttp.Query | None:
        """Submit one; None: refused."""
        try:
            query = onehttp.submit("GET", dice.choice(self.urls), route=route, timeout=TIMEOUT_S)
        except (onehttp.QueueFullError, onehttp.TransactionError):
            self.account.note_submit(False)
            return None
        self.account.note_submit(True)
        return query

    # ---- blocking callers

    def block(self) -> None:
        dice = random.Random(threading.get_ident())
        while self.goes_on():
            self.account.start("request")
            try:
                onehttp.request("GET", dice.choice(self.urls), timeout=TIMEOUT_S)
            except onehttp.TransferError as error:
                self.account.end("request", error)
            else:
                self.account.end("request")

    # ---- plain queries

    def submit(self) -> None:
        dice = random.Random(1)
        room = threading.Semaphore(ROOM)

        def done(result: onehttp.Result) -> None:
            self.account.end("submit", result.error)
            room.release()

        while self.goes_on():
            if not room.acquire(timeout=HANG_S):
                return
            self.account.start("submit")
            query = self.query(dice, done)
            if query is None:
                self.account.end("submit", "refused")
                room.release()
            elif dice.random() < 0.02:
                query.cancel()

    # ---- event loops

    async def crowd(self) -> None:
        await asyncio.gather(
            *(self.calls(number) for number in range(TASKS_PER_LOOP)),
            *(self.waits(number) for number in range(TASKS_PER_LOOP)),
        )

    async def calls(self, number: int) -> None:
        """Requests, some of them cancelled at once."""
        dice = random.Random(number)
        while self.goes_on():
            self.account.start("arequest")
            url = dice.choice(self.urls)
            call = asyncio.ensure_future(onehttp.arequest("GET", url, timeout=TIMEOUT_S))
            if dice.random() < 0.02:
                await asyncio.sleep(0)
                call.cancel()
            try:
                await call
            except (onehttp.TransferError, asyncio.CancelledError) as error:
                self.account.end("arequest", error)
            else:
                self.account.end("arequest")

    async def waits(self, number: int) -> None:
        """Tasks suspended by a query, some of them impatient, some cancelled."""
        dice = random.Random(number)
        while self.goes_on():
            self.account.start("task")
            waiting = asyncio.ensure_future(self.wait_for_route(dice))
            if dice.random() < 0.02:
                await asyncio.sleep(0)
                waiting.cancel()
            try:
                outcome = await waiting
            except (RouteFailedError, asyncio.TimeoutError, asyncio.CancelledError) as error:
                self.account.end("task", error)
            else:
                self.account.end("task", outcome)

    async def wait_for_route(self, dice: random.Random) -> str | None:
        def route(result: onehttp.Result) -> str | None:
            if dice.random() < 0.05:
                raise RouteFailedError
            return type(result.error).__name__ if result.error else None

        async def slow_route(result: onehttp.Result) -> str | None:
            await asyncio.sleep(0)
            return route(result)

        transaction = onehttp.TaskTransaction(timeout_s=dice.choice([None, 0.005, 1.0]))
        with onehttp.transaction(transaction):
            query = self.query(dice, dice.choice([route, slow_route]))
        if query is None:
            await asyncio.sleep(0.05)
            return "refused"
        outcome: str | None = await transaction
        return outcome


class Callers:
    """SIP callers: each transaction is suspended, up to three times, and must be answered once."""

    def __init__(self, load: Load, layer: FakeTransactionLayer) -> None:
        self._load = load
        self._layer = layer
        self._dice = random.Random(2)
        self._under_way: set[FakeTransaction] = set()

    def run(self) -> None:
        hang = self._load.end + HANG_S
        while self._load.goes_on() or (self._under_way and time.monotonic() < hang):
            while self._load.goes_on() and len(self._under_way) < ROOM:
                self._call()
            self._layer.wait(self._some_are_answered, timeout_s=0.05)
            for transaction in [one for one in self._under_way if one.is_answered]:
                self._under_way.discard(transaction)
                self._load.account.answered(transaction)

    def _some_are_answered(self) -> bool:
        return any(transaction.is_answered for transaction in self._under_way)

    def _call(self) -> None:
        dice = self._dice
        transaction = self._layer.new(dice.choice(["INVITE", "MESSAGE"]))
        self._under_way.add(transaction)
        self._load.account.start("suspended")
        with onehttp.transaction(transaction):
            query = self._load.query(dice, self._route(transaction, dice.randint(1, CHAIN)))
        if query is None:
            transaction.reply(503, "Service Unavailable")
        elif dice.random() < 0.02:
            query.cancel()
        elif dice.random() < 0.02:
            transaction.cancel()

    def _route(self, transaction: FakeTransaction, hops: int) -> Route:
        def route(result: onehttp.Result) -> None:
            dice = random.Random(result.query_id)
            if dice.random() < 0.02:
                raise RouteFailedError
            if hops > 1 and self._load.query(dice, self._route(transaction, hops - 1)):
                return
            transaction.reply(200 if result.ok else 500, "As The Backend Says")

        return route
