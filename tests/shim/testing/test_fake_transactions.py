"""The transaction layer for tests: states, timers, replies."""

from __future__ import annotations

import threading

import pytest

import onehttp
from onehttp.testing import FakeTransactionLayer, ManualClock, TransactionState
from servers.patience import PATIENCE_S

RESULT = onehttp.Result(query_id=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def layer(clock: ManualClock) -> FakeTransactionLayer:
    return FakeTransactionLayer(final_timer_s=30, clock=clock)


def test_an_invite_is_told_to_wait_and_others_are_not(layer: FakeTransactionLayer) -> None:
    invite, message = layer.new("INVITE"), layer.new("MESSAGE")
    invite.suspend()
    message.suspend()
    assert (invite.responses, message.responses) == (["100"], [])


def test_the_timer_answers_those_whose_time_is_over(
    layer: FakeTransactionLayer, clock: ManualClock
) -> None:
    early, late = layer.new(), layer.new()
    early.suspend()
    clock.advance(10)
    late.suspend()
    clock.advance(20)
    layer.expire()
    assert early.responses == ["408"]
    assert late.state is TransactionState.SUSPENDED


def test_a_resumed_transaction_has_no_timer(
    layer: FakeTransactionLayer, clock: ManualClock
) -> None:
    message = layer.new()
    message.resume(message.suspend(), lambda _: message.reply(200, "OK"), RESULT)
    clock.advance(30)
    layer.expire()
    assert message.responses == ["200 OK"]


def test_a_token_resumes_once(layer: FakeTransactionLayer) -> None:
    message = layer.new()
    token = message.suspend()
    assert message.resume(token, lambda _: message.relay(), RESULT)
    assert not message.resume(token, lambda _: message.reply(500, "Twice"), RESULT)
    assert (message.state, message.resumed) == (TransactionState.RELAYED, 1)


def test_a_token_of_an_earlier_suspension_resumes_nothing(layer: FakeTransactionLayer) -> None:
    message = layer.new()
    old = message.suspend()
    message.cancel_suspend(old)
    new = message.suspend()
    assert not message.resume(old, None, RESULT)
    message.cancel_suspend(old)
    assert message.is_suspended_by(new)


def test_a_route_that_sends_nothing_is_answered_for(layer: FakeTransactionLayer) -> None:
    message = layer.new()
    message.resume(message.suspend(), lambda _: None, RESULT)
    assert message.responses == ["500"]


def test_a_route_that_raises_is_answered_for_and_the_error_comes_out(
    layer: FakeTransactionLayer,
) -> None:
    message = layer.new()

    def broken(result: onehttp.Result) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        message.resume(message.suspend(), broken, RESULT)
    assert message.responses == ["500"]


def test_a_route_may_send_provisional_replies_first(layer: FakeTransactionLayer) -> None:
    invite = layer.new("INVITE")

    def route(result: onehttp.Result) -> None:
        assert invite.reply(180, "Ringing")
        assert invite.reply(486, "Busy Here")
        assert not invite.reply(200, "OK")

    invite.resume(invite.suspend(), route, RESULT)
    assert invite.responses == ["100", "180 Ringing", "486 Busy Here"]


def test_a_cancel_is_answered_and_ends_the_transaction(layer: FakeTransactionLayer) -> None:
    invite = layer.new("INVITE")
    token = invite.suspend()
    invite.cancel()
    assert not invite.resume(token, lambda _: None, RESULT)
    assert invite.responses == ["100", "487", "200 (CANCEL)"]


def test_a_cancel_after_the_final_reply_changes_nothing_of_it(layer: FakeTransactionLayer) -> None:
    invite = layer.new("INVITE")
    invite.reply(200, "OK")
    invite.cancel()
    assert invite.responses == ["200 OK", "200 (CANCEL)"]


@pytest.mark.parametrize("end", ["reply", "relay"])
def test_what_has_ended_cannot_be_suspended(layer: FakeTransactionLayer, end: str) -> None:
    message = layer.new()
    if end == "reply":
        message.reply(404, "Not Found")
    else:
        message.relay()
    assert message.is_left
    with pytest.raises(onehttp.TransactionError, match="cannot be suspended"):
        message.suspend()


def test_a_suspension_taken_back_in_a_route_leaves_the_route_responsible(
    layer: FakeTransactionLayer,
) -> None:
    message = layer.new()

    def route(result: onehttp.Result) -> None:
        message.cancel_suspend(message.suspend())

    message.resume(message.suspend(), route, RESULT)
    assert message.responses == ["500"]


def test_waiting_lets_timers_fire(layer: FakeTransactionLayer) -> None:
    quick = FakeTransactionLayer(final_timer_s=0.005)
    message = quick.new()
    message.suspend()
    assert quick.wait(lambda: message.is_answered)
    assert message.responses == ["408"]


def test_waiting_ends_with_what_it_waits_for(layer: FakeTransactionLayer) -> None:
    message = layer.new()
    answering = threading.Thread(target=message.reply, args=(200, "OK"))
    answering.start()
    assert layer.wait(lambda: message.is_answered, PATIENCE_S)
    answering.join(PATIENCE_S)


def test_waiting_in_vain_says_so(layer: FakeTransactionLayer) -> None:
    message = layer.new()
    message.suspend()
    assert not layer.wait(lambda: message.is_answered, 0.001)


def test_manual_time_does_not_go_back(clock: ManualClock) -> None:
    clock.advance(2.5)
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)
    assert clock() == 2.5
