"""Queries that suspend a SIP transaction: it goes on once, whatever comes first."""

from __future__ import annotations

import logging

import pytest

import onehttp
from onehttp.testing import FakeTransactionLayer, ManualClock, TransactionState
from servers.holding import HoldingServer
from servers.raw import RawServer, keep_answering
from stand_ins.queries.ends import Ends
from stand_ins.queries.scripted import Witness
from stand_ins.queries.suspending import replying, suspend


def test_a_transaction_is_suspended_and_goes_on_in_its_route(
    api: str, layer: FakeTransactionLayer, holding: HoldingServer, ends: Ends
) -> None:
    invite = layer.new("INVITE")
    query = suspend(invite, f"{holding.url}/a", replying(invite))
    held = holding.arrival("/a")
    assert invite.state is TransactionState.SUSPENDED
    held.answer()
    ends.wait(query)
    assert invite.responses == ["100", "200 OK"]
    stats = onehttp.query_stats()
    assert (stats.suspended, stats.resumed, stats.gone) == (1, 1, 0)


def test_the_connection_closed_by_the_server_resumes_with_an_error(
    api: str, layer: FakeTransactionLayer, holding: HoldingServer, ends: Ends
) -> None:
    message = layer.new()
    query = suspend(message, f"{holding.url}/a", replying(message, "Server Error"))
    holding.arrival("/a").close()
    ends.wait(query)
    assert isinstance(query.error, onehttp.DisconnectedError)
    assert message.responses == ["500 Server Error"]
    assert onehttp.query_stats().failed == 1


def test_a_backend_that_dies_midway_resumes_everybody(
    api: str, layer: FakeTransactionLayer, ends: Ends
) -> None:
    messages = [layer.new() for _ in range(20)]
    with HoldingServer() as server:
        queries = [
            suspend(message, f"{server.url}/{number}", replying(message, "No Backend"))
            for number, message in enumerate(messages)
        ]
        for number in range(20):
            server.arrival(f"/{number}").close()
    late = suspend(layer.new(), server.url, None)  # nobody listens any more
    ends.wait(*queries, late)
    assert [message.responses for message in messages] == [["500 No Backend"]] * 20
    assert isinstance(late.error, onehttp.ConnectError)
    stats = onehttp.query_stats()
    assert (stats.failed, stats.resumed, stats.open) == (21, 21, 0)


def test_an_answer_after_the_transactions_timer_runs_no_route(
    api: str, layer: FakeTransactionLayer, clock: ManualClock, holding: HoldingServer, ends: Ends
) -> None:
    message = layer.new()
    query = suspend(message, f"{holding.url}/a", replying(message))
    held = holding.arrival("/a")
    clock.advance(30)
    layer.expire()
    held.answer()
    ends.wait(query)
    assert message.responses == ["408"]
    stats = onehttp.query_stats()
    assert (stats.completed, stats.resumed, stats.gone, stats.routes_run) == (1, 0, 1, 0)


def test_an_answer_after_the_callers_cancel_runs_no_route(
    api: str,
    layer: FakeTransactionLayer,
    holding: HoldingServer,
    ends: Ends,
    caplog: pytest.LogCaptureFixture,
) -> None:
    invite = layer.new("INVITE")
    query = suspend(invite, f"{holding.url}/a", replying(invite))
    held = holding.arrival("/a")
    invite.cancel()
    with caplog.at_level(logging.INFO, logger="onehttp"):
        held.answer()
        ends.wait(query)
    assert invite.responses == ["100", "487", "200 (CANCEL)"]
    assert f"query {query.id}: its transaction has ended before the answer" in caplog.messages


def test_a_cancel_while_the_route_runs_keeps_one_final_reply(
    api: str, layer: FakeTransactionLayer, holding: HoldingServer, ends: Ends
) -> None:
    invite = layer.new("INVITE")

    def late(result: onehttp.Result) -> None:
        invite.cancel()
        assert not invite.reply(200, "OK")

    query = suspend(invite, f"{holding.url}/a", late)
    holding.arrival("/a").answer()
    ends.wait(query)
    assert invite.responses == ["100", "487", "200 (CANCEL)"]
    assert onehttp.query_stats().routes_failed == 0


def test_a_query_after_the_final_reply_sends_nothing(api: str, layer: FakeTransactionLayer) -> None:
    message = layer.new()
    message.reply(200, "OK")
    with RawServer(keep_answering) as server, pytest.raises(onehttp.TransactionError):
        suspend(message, server.url, None)
    assert server.requests == []
    stats = onehttp.query_stats()
    assert (stats.submitted, stats.refused, stats.suspended, stats.open) == (0, 1, 0, 0)


def test_a_second_query_of_a_suspended_transaction_is_refused(
    api: str, layer: FakeTransactionLayer, holding: HoldingServer, ends: Ends
) -> None:
    message = layer.new()
    query = suspend(message, f"{holding.url}/a", replying(message))
    with pytest.raises(onehttp.TransactionError, match="cannot be suspended"):
        suspend(message, f"{holding.url}/b", replying(message))
    holding.arrival("/a").answer()
    ends.wait(query)
    assert message.responses == ["200 OK"]


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/", "no-scheme", "http://127.0.0.1/a b"])
def test_a_url_that_cannot_be_sent_takes_the_transaction_up_again(
    api: str, layer: FakeTransactionLayer, url: str
) -> None:
    witness = Witness(layer.new())
    with pytest.raises(onehttp.RequestError):
        suspend(witness, url, None)
    assert list(witness.ways.values()) == [["cancel_suspend"]]
    assert witness.inner.state is TransactionState.PROCEEDING
    stats = onehttp.query_stats()
    assert (stats.submitted, stats.refused, stats.suspended) == (0, 1, 0)


def test_an_unknown_route_does_not_suspend(api: str, layer: FakeTransactionLayer) -> None:
    witness = Witness(layer.new())
    with pytest.raises(onehttp.UnknownRouteError):
        suspend(witness, "http://127.0.0.1/", "NOWHERE")
    assert witness.ways == {}


def test_a_second_resume_of_a_token_does_nothing(
    api: str, layer: FakeTransactionLayer, holding: HoldingServer, ends: Ends
) -> None:
    witness = Witness(layer.new())
    query = suspend(witness, f"{holding.url}/a", replying(witness.inner))
    holding.arrival("/a").answer()
    ends.wait(query)
    (token,) = witness.ways
    ran: list[onehttp.Result] = []
    assert not witness.inner.resume(token, ran.append, query.result(0))
    assert ran == []
    assert witness.inner.responses == ["200 OK"]


def test_without_a_route_the_transaction_goes_on_by_itself(
    api: str, layer: FakeTransactionLayer, holding: HoldingServer, ends: Ends
) -> None:
    message = layer.new()
    query = suspend(message, f"{holding.url}/a", None)
    holding.arrival("/a").answer()
    ends.wait(query)
    assert message.responses == ["500"]


def test_a_route_that_raises_ends_its_transaction(
    api: str,
    layer: FakeTransactionLayer,
    holding: HoldingServer,
    ends: Ends,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(result: onehttp.Result) -> None:
        raise ZeroDivisionError

    message = layer.new()
    query = suspend(message, f"{holding.url}/a", broken)
    holding.arrival("/a").answer()
    ends.wait(query)
    assert message.responses == ["500"]
    assert [line for line in caplog.messages if "broken failed" in line] == [
        f"query {query.id}: route {broken.__qualname__} failed"
    ]
    stats = onehttp.query_stats()
    assert (stats.completed, stats.resumed, stats.routes_run, stats.routes_failed) == (1, 1, 1, 1)


def test_a_coroutine_function_is_no_route_of_a_sip_transaction(
    api: str,
    layer: FakeTransactionLayer,
    holding: HoldingServer,
    ends: Ends,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def on_a_loop(result: onehttp.Result) -> None:
        raise AssertionError("no loop runs it")

    message = layer.new()
    query = suspend(message, f"{holding.url}/a", on_a_loop)
    holding.arrival("/a").answer()
    ends.wait(query)
    assert message.responses == ["500"]
    assert "only in a TaskTransaction" in caplog.text


@pytest.mark.parametrize("fault", ["suspend", "cancel_suspend"])
def test_a_faulty_transaction_does_not_upset_the_account(
    api: str, layer: FakeTransactionLayer, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    witness = Witness(layer.new(), fault)
    with pytest.raises(onehttp.RequestError if fault == "cancel_suspend" else Exception):
        suspend(witness, "unfit", None)
    stats = onehttp.query_stats()
    assert (stats.submitted, stats.refused, stats.suspended, stats.open) == (0, 1, 0, 0)
    assert ("could not be taken up again" in caplog.text) == (fault == "cancel_suspend")


def test_a_transaction_that_cannot_be_resumed_is_logged_and_counted(
    api: str,
    layer: FakeTransactionLayer,
    holding: HoldingServer,
    ends: Ends,
    caplog: pytest.LogCaptureFixture,
) -> None:
    query = suspend(Witness(layer.new(), "resume"), f"{holding.url}/a", None)
    holding.arrival("/a").answer()
    ends.wait(query)
    assert f"query {query.id}: its transaction failed" in caplog.messages
    stats = onehttp.query_stats()
    assert (stats.suspended, stats.resumed, stats.open) == (1, 1, 0)


def test_cancelling_a_query_resumes_its_transaction_with_that_error(
    api: str, layer: FakeTransactionLayer, holding: HoldingServer, ends: Ends
) -> None:
    message = layer.new()
    query = suspend(message, f"{holding.url}/a", replying(message, "Cancelled"))
    holding.arrival("/a")
    assert query.cancel()
    ends.wait(query)
    assert message.responses == ["500 Cancelled"]
    assert onehttp.query_stats().cancelled == 1


def test_a_query_cancelled_right_after_its_submit_ends_once(
    api: str, layer: FakeTransactionLayer, holding: HoldingServer, ends: Ends
) -> None:
    messages = [layer.new() for _ in range(50)]
    queries = [suspend(message, f"{holding.url}/a", replying(message)) for message in messages]
    assert all(query.cancel() for query in queries)
    ends.wait(*queries)
    assert all(isinstance(query.error, onehttp.CancelledError) for query in queries)
    assert all(message.responses == ["500 OK"] for message in messages)
