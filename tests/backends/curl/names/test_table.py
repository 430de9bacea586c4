"""What is known of names, and for how long: the table of states."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp_backends.curl.names.lookup import Addresses, Answer, Lookup, Name, NoAddress
from onehttp_backends.curl.names.table import (
    LIBCURL_CACHE_S,
    MAX_NAMES,
    MISSING_S,
    PATIENCE_S,
    RETRY_S,
    TRANSITIONS,
    Event,
    NameTable,
    State,
)
from onehttp_backends.naming import NameLimits

NAME = Name("a.example", socket.AF_UNSPEC)
OLD, NEW = Addresses(("192.0.2.1",)), Addresses(("192.0.2.2",))
MISSING, SILENCE = NoAddress("no such name", is_final=True), NoAddress("nobody answers")
LIMITS = NameLimits(cache_s=60, stale_s=100)


def ask(table: NameTable, at: float) -> None:
    table.asked(NAME, Lookup(NAME, at, is_known=False))


def known(at: float = 0.0, limits: NameLimits = LIMITS) -> NameTable:
    """A table with an answer that came at that time."""
    table = NameTable(limits)
    ask(table, at)
    table.answered(NAME, OLD, at)
    return table


def test_nothing_is_known_at_first() -> None:
    table = NameTable(LIMITS)
    assert table[NAME].state is State.UNKNOWN
    assert table.usable(NAME, 0) is None


def test_an_address_is_used_for_as_long_as_promised_together_with_what_libcurl_keeps() -> None:
    table = known()
    assert table.usable(NAME, 60 - LIBCURL_CACHE_S - 0.01) == OLD
    assert table.usable(NAME, 60 - LIBCURL_CACHE_S) is None


def test_that_there_is_no_such_name_is_remembered_for_a_short_time() -> None:
    table = NameTable(LIMITS)
    ask(table, 0)
    table.answered(NAME, MISSING, 0)
    assert table.usable(NAME, MISSING_S - 0.01) == MISSING
    assert table.usable(NAME, MISSING_S) is None


def test_that_nobody_answers_is_not_remembered() -> None:
    table = NameTable(LIMITS)
    ask(table, 0)
    table.answered(NAME, SILENCE, 0)
    assert table[NAME].state is State.UNKNOWN


def test_an_old_address_serves_once_the_lookup_takes_long() -> None:
    table = known()
    ask(table, 60)
    assert table.usable(NAME, 60 + PATIENCE_S - 0.01) is None
    assert table.usable(NAME, 60 + PATIENCE_S) == OLD


def test_an_old_address_serves_for_a_while_when_nobody_has_answered() -> None:
    table = known()
    ask(table, 60)
    table.answered(NAME, SILENCE, 70)
    assert table.usable(NAME, 70) == OLD
    assert table.usable(NAME, 70 + RETRY_S) is None


def test_a_new_answer_takes_the_place_of_an_old_one_whatever_it_is() -> None:
    for answer in (NEW, MISSING):
        table = known()
        ask(table, 60)
        table.answered(NAME, answer, 61)
        assert table.usable(NAME, 61) == answer


def test_an_address_is_too_old_to_serve_some_day() -> None:
    table = known()
    ask(table, 160 - PATIENCE_S)
    assert table.usable(NAME, 160) is None
    table.answered(NAME, SILENCE, 160)
    assert table.usable(NAME, 160) is None


def test_without_stale_s_nothing_serves_after_its_time() -> None:
    table = known(limits=NameLimits(cache_s=60, stale_s=0))
    ask(table, 60)
    assert table.usable(NAME, 60 + PATIENCE_S) is None
    table.answered(NAME, SILENCE, 61)
    assert table.usable(NAME, 61) is None


def test_a_doubted_address_is_asked_for_before_it_is_used_again() -> None:
    table = known()
    table.doubt(NAME)
    assert table.usable(NAME, 1) is None
    ask(table, 1)
    assert table.usable(NAME, 1 + PATIENCE_S) == OLD


def test_the_oldest_names_go_when_there_are_too_many_but_none_that_is_asked_for() -> None:
    table = NameTable(LIMITS)
    names = [Name(f"n{number}.example", 0) for number in range(MAX_NAMES + 2)]
    for name in names:
        table.asked(name, Lookup(name, 0, is_known=False))
        if name is not names[0]:
            table.answered(name, OLD, 0)
    assert table[names[0]].state is State.ASKED
    assert table[names[1]].state is State.UNKNOWN
    assert table[names[2]].state is State.UNKNOWN
    assert table[names[3]].state is State.KNOWN


STEPS = st.sampled_from([OLD, NEW, MISSING, SILENCE, "ask", "doubt"])


@given(st.lists(st.tuples(STEPS, st.floats(0, 90))))
def test_in_any_order_a_state_says_what_is_known(
    steps: list[tuple[Answer | str, float]],
) -> None:
    table, now = NameTable(LIMITS), 0.0
    last: Answer | None = None
    for step, later_s in steps:
        now += later_s
        state = table[NAME].state
        is_asked = state in (State.ASKED, State.ASKED_AGAIN)
        if isinstance(step, str):
            if step == "doubt":
                table.doubt(NAME)
            elif not is_asked:
                ask(table, now)
        elif is_asked:
            table.answered(NAME, step, now)
            last = step if step is not SILENCE else last if state is State.ASKED_AGAIN else None
        entry = table[NAME]
        assert (entry.lookup is not None) is (entry.state in (State.ASKED, State.ASKED_AGAIN))
        assert isinstance(entry.answer, Addresses) is (
            entry.state in (State.KNOWN, State.ASKED_AGAIN, State.STALE)
        )
        if (usable := table.usable(NAME, now)) is not None:
            assert usable == last


@pytest.mark.parametrize("event", Event)
def test_the_table_of_states_answers_every_event_somewhere(event: Event) -> None:
    assert event in {found for _, found in TRANSITIONS}


def test_every_state_can_be_left_and_come_to() -> None:
    assert {state for state, _ in TRANSITIONS} == set(State) == set(TRANSITIONS.values())
