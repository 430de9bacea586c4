"""Counts and percentiles of a run."""

from __future__ import annotations

from onehttp.testing import ManualClock
from onehttp_compat.cli.tally import MessageTally
from onehttp_compat.script.captures import DEFAULT_MESSAGE
from onehttp_compat.script.outcome import MessageEnd, MessageOutcome


def outcome(time_ms: int, *replies: str) -> MessageOutcome:
    return MessageOutcome(DEFAULT_MESSAGE, replies=list(replies), time_s=time_ms / 1000)


def test_percentiles_are_times_that_messages_took() -> None:
    tally = MessageTally()
    for time_ms in range(200, 0, -1):
        tally.add(outcome(time_ms, "200 OK"))
    assert [tally.percentile_s(percent) for percent in (50, 95, 99, 100)] == [0.1, 0.19, 0.198, 0.2]
    tally.add(outcome(900, "200 OK"))
    assert tally.longest_s == 0.9


def test_one_message_is_every_percentile() -> None:
    tally = MessageTally()
    tally.add(outcome(7))
    assert {tally.percentile_s(percent) for percent in (1, 50, 99)} == {0.007}


def test_nothing_has_no_percentile() -> None:
    assert MessageTally().percentile_s(99) == 0.0
    assert MessageTally().per_second == 0.0


def test_messages_are_counted_by_their_end_and_against_the_clock() -> None:
    clock = ManualClock()
    tally = MessageTally(clock)
    for replies in (["100", "200 OK"], ["100", "408"], ["100"], ["404 Not Found"]):
        clock.advance(0.5)
        tally.add(outcome(1, *replies))
    assert tally.ends == {
        MessageEnd.ANSWERED: 2,
        MessageEnd.TIMED_OUT: 1,
        MessageEnd.UNANSWERED: 1,
    }
    assert tally.per_second == 2.0
