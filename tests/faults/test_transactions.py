"""Rows 92 to 96: suspended transactions, whatever comes first, and whoever fails."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable

import pytest

import onehttp
from faults.conftest import Process
from onehttp.testing import FakeTransaction, FakeTransactionLayer, ManualClock
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from servers.raw import RawServer, echo
from stand_ins.queries.scripted import Witness

EVENTS = ("result", "timeout", "cancel", "shutdown")


@pytest.mark.parametrize("order", list(itertools.permutations(EVENTS)), ids="-".join)
def test_92_result_timeout_cancel_and_shutdown_in_any_order(
    process: Process, order: tuple[str, ...]
) -> None:
    clock = ManualClock()
    layer = FakeTransactionLayer(clock=clock)
    invite = layer.new("INVITE")
    witness = Witness(invite)
    with HoldingServer() as server:
        with onehttp.transaction(witness):
            query = onehttp.submit(
                "GET", f"{server.url}/a", route=lambda _: invite.reply(200, "OK")
            )
        held = server.arrival("/a")

        def answered() -> None:
            held.answer()
            if onehttp.is_initialised():
                onehttp.drain(PATIENCE_S)

        def timed_out() -> None:
            clock.advance(30)
            layer.expire()

        happen: dict[str, Callable[[], object]] = {
            "result": answered,
            "timeout": timed_out,
            "cancel": lambda: query.cancel(),
            "shutdown": lambda: onehttp.shutdown(PATIENCE_S if order[0] == "result" else 0),
        }
        for event in order:
            happen[event]()
        process.init()
    witness.check_settled()
    assert sum(ways == ["resume"] for ways in witness.ways.values()) <= 1


def in_transaction(transaction: FakeTransaction, submit: Callable[[], object]) -> None:
    with onehttp.transaction(transaction):
        submit()


def test_93_a_submit_that_fails_after_it_has_suspended(process: Process) -> None:
    layer = FakeTransactionLayer()
    message = layer.new()
    unfit: list[Callable[[], object]] = [
        lambda: onehttp.submit("GET", "no URL"),
        lambda: onehttp.submit("GET", process.neighbour.url, route="unknown"),
        lambda: onehttp.connection("nobody").submit("GET"),
        lambda: onehttp.submit("GET", process.neighbour.url, headers={"X": "a\r\nb"}),
    ]
    for submit in unfit:
        with pytest.raises(onehttp.OnehttpError):
            in_transaction(message, submit)
    # It is as it was: the next query suspends it.
    with onehttp.transaction(message):
        url = process.neighbour.url
        query = onehttp.submit("GET", url, route=lambda _: message.reply(200, "OK"))
    assert query.result(PATIENCE_S).ok
    assert onehttp.drain(PATIENCE_S)
    assert message.responses == ["200 OK"]
    stats = onehttp.query_stats()
    assert (stats.submitted, stats.open) == (1, 0)


def test_94_a_route_that_raises(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    message = FakeTransactionLayer().new()

    def broken(_: onehttp.Result) -> None:
        raise ZeroDivisionError

    with onehttp.transaction(message):
        onehttp.submit("GET", process.neighbour.url, route=broken)
    assert onehttp.drain(PATIENCE_S)
    assert message.responses == ["500"]
    assert len([line for line in caplog.messages if "broken failed" in line]) == 1


def test_94_a_transaction_that_is_gone(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    invite = FakeTransactionLayer().new("INVITE")
    routes: list[object] = []
    with HoldingServer() as server, caplog.at_level(logging.INFO, "onehttp"):
        with onehttp.transaction(invite):
            onehttp.submit("GET", f"{server.url}/a", route=routes.append)
        held = server.arrival("/a")
        invite.cancel()
        held.answer()
        assert onehttp.drain(PATIENCE_S)
    assert (routes, onehttp.query_stats().gone) == ([], 1)
    assert "its transaction has ended before the answer" in caplog.text


def test_95_a_query_in_each_of_five_reply_routes(process: Process) -> None:
    invite = FakeTransactionLayer().new("INVITE")
    depth = itertools.count(1)

    def next_hop(result: onehttp.Result) -> None:
        assert result.ok
        if next(depth) == 5:
            invite.reply(200, "OK")
        else:
            onehttp.submit("GET", process.neighbour.url, route=next_hop)

    with onehttp.transaction(invite):
        onehttp.submit("GET", process.neighbour.url, route=next_hop)
    assert onehttp.drain(PATIENCE_S)
    assert invite.responses == ["100", "200 OK"]
    assert onehttp.query_stats().resumed == 5


def test_96_a_thousand_transactions_see_each_their_own(process: Process) -> None:
    """Each route is told the answer, the data and the transaction of its own question."""
    layer = FakeTransactionLayer()
    many = 100 if process.engine == "httpx" else 1000
    seen: dict[int, int] = {}
    wrong: list[object] = []

    def ask(number: int, url: str) -> None:
        message = layer.new()

        def route(result: onehttp.Result) -> None:
            if result.response is None or f"/{number} ".encode() not in result.response.body:
                wrong.append((number, result))
            if result.xdata != number:
                wrong.append((number, result.xdata))
            seen[number] = seen.get(number, 0) + 1
            message.reply(200, str(number))

        with onehttp.transaction(message):
            onehttp.submit("GET", f"{url}/{number}", route=route, xdata=number, timeout=PATIENCE_S)

    with RawServer(echo) as server:
        for number in range(many):
            ask(number, server.url)
        assert onehttp.drain(PATIENCE_S)
    assert wrong == []
    assert seen == dict.fromkeys(range(many), 1)
