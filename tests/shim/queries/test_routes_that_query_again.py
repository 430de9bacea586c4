"""Routes whose own queries suspend their transaction again."""

from __future__ import annotations

import threading

import pytest

import onehttp
from onehttp.testing import FakeTransactionLayer, TransactionState
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering
from stand_ins.queries.ends import Ends
from stand_ins.queries.suspending import suspend


def test_a_chain_of_three_queries_is_one_transaction(
    api: str, layer: FakeTransactionLayer, holding: HoldingServer, ends: Ends
) -> None:
    invite = layer.new("INVITE")
    queries: list[onehttp.Query] = []

    def next_hop(result: onehttp.Result) -> None:
        assert result.ok
        if len(queries) == 3:
            invite.reply(200, "OK")
        else:
            queries.append(onehttp.submit("GET", f"{holding.url}/{len(queries)}", route=next_hop))

    queries.append(suspend(invite, f"{holding.url}/0", next_hop))
    for number in range(3):
        holding.arrival(f"/{number}").answer()
        ends.wait(*queries[: number + 1])
    assert invite.responses == ["100", "200 OK"]
    assert invite.resumed == 3
    stats = onehttp.query_stats()
    assert (stats.submitted, stats.suspended, stats.resumed) == (3, 3, 3)


def test_a_route_goes_on_after_its_second_query_has_run_its_route(
    api: str, layer: FakeTransactionLayer, holding: HoldingServer, ends: Ends
) -> None:
    """The first route leaves while the second is at it, and answers nothing for it."""
    message = layer.new()
    second_runs, first_has_left = threading.Event(), threading.Event()
    queries: list[onehttp.Query] = []

    def second(result: onehttp.Result) -> None:
        second_runs.set()
        assert first_has_left.wait(PATIENCE_S)
        message.reply(200, "OK")

    def first(result: onehttp.Result) -> None:
        queries.append(onehttp.submit("GET", f"{holding.url}/b", route=second))
        holding.arrival("/b").answer()
        assert second_runs.wait(PATIENCE_S)

    query = suspend(message, f"{holding.url}/a", first)
    holding.arrival("/a").answer()
    ends.wait(query)
    first_has_left.set()
    ends.wait(*queries)
    assert message.responses == ["200 OK"]


def test_a_route_whose_next_query_is_refused_still_has_to_answer(
    api: str, layer: FakeTransactionLayer, holding: HoldingServer, ends: Ends
) -> None:
    message = layer.new()

    def next_hop(result: onehttp.Result) -> None:
        with pytest.raises(onehttp.RequestError):
            onehttp.submit("GET", "nowhere")

    query = suspend(message, f"{holding.url}/a", next_hop)
    holding.arrival("/a").answer()
    ends.wait(query)
    assert message.responses == ["500"]


def test_a_route_may_make_a_synchronous_query(
    api: str, layer: FakeTransactionLayer, holding: HoldingServer, ends: Ends
) -> None:
    message = layer.new()

    def look_up(result: onehttp.Result) -> None:
        with RawServer(keep_answering) as other:
            message.reply(onehttp.request("GET", other.url, timeout=PATIENCE_S).status, "OK")

    query = suspend(message, f"{holding.url}/a", look_up)
    holding.arrival("/a").answer()
    ends.wait(query)
    assert message.responses == ["200 OK"]


def test_queries_outside_the_with_suspend_nothing(
    api: str, layer: FakeTransactionLayer, holding: HoldingServer
) -> None:
    message = layer.new()
    with onehttp.transaction(message), onehttp.transaction(None):
        inner = onehttp.submit("GET", f"{holding.url}/a")
    outer = onehttp.submit("GET", f"{holding.url}/b")
    for target in ("/a", "/b"):
        holding.arrival(target).answer()
    assert inner.result(PATIENCE_S).ok
    assert outer.result(PATIENCE_S).ok
    assert message.state is TransactionState.PROCEEDING
