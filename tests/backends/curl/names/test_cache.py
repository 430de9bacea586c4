"""What is known of names, and for how long: the table of states."""

from __future__ import annotations

import socket

from hypothesis import given
from hypothesis import strategies as st

from onehttp_backends.curl.names.cache import (
    LIBCURL_CACHE_S,
    MAX_NAMES,
    MISSING_S,
    PATIENCE_S,
    RETRY_S,
    TRANSITIONS,
    Event,
    NameCache,
    State,
)
from onehttp_backends.curl.names.lookup import Addresses, Answer, Name, NoAddress
from onehttp_backends.optional.naming import NameLimits

NAME = Name("a.example", socket.AF_UNSPEC)
OLD, NEW = Addresses(("192.0.2.1",)), Addresses(("192.0.2.2",))
MISSING, SILENCE = NoAddress("no such name", is_final=True), NoAddress("nobody answers")
LIMITS = NameLimits(cache_s=60, stale_s=100)


def known(at: float = 0.0, limits: NameLimits = LIMITS) -> NameCache:
    """A table with an answer that came at that time."""
    table = NameCache(limits)
    table.answered(NAME, OLD, at)
    return table


def test_nothing_is_known_at_first() -> None:
    table = NameCache(LIMITS)
    assert table[NAME].state is State.UNKNOWN
    assert table.usable(NAME, 0) is None


def test_an_address_is_used_for_as_long_as_promised_together_with_what_libcurl_keeps() -> None:
    table = known()
    assert table.usable(NAME, 60 - LIBCURL_CACHE_S - 0.01) == OLD
    assert table.usable(NAME, 60 - LIBCURL_CACHE_S) is None


def test_that_there_is_no_such_name_is_remembered_for_a_short_time() -> None:
    table = NameCache(LIMITS)
    table.answered(NAME, MISSING, 0)
    assert table.usable(NAME, MISSING_S - 0.01) == MISSING
    assert table.usable(NAME, MISSING_S) is None


def test_that_nobody_answers_is_not_remembered() -> None:
    table = NameCache(LIMITS)
    table.answered(NAME, SILENCE, 0)
    assert table[NAME].state is State.UNKNOWN


def test_an_old_address_serves_once_the_lookup_takes_long() -> None:
    table = known()
    assert table.usable(NAME, 60 + PATIENCE_S, asked_at=60.01) is None
    assert table.usable(NAME, 60 + PATIENCE_S, asked_at=60) == OLD


def test_an_old_address_serves_for_a_while_when_nobody_has_answered() -> None:
    table = known()
    table.answered(NAME, SILENCE, 70)
    assert table.usable(NAME, 70) == OLD
    assert table.usable(NAME, 70 + RETRY_S) is None


def test_a_new_answer_takes_the_place_of_an_old_one_whatever_it_is() -> None:
    for answer in (NEW, MISSING):
        table = known()
        table.answered(NAME, answer, 61)
        assert table.usable(NAME, 61) == answer


def test_an_address_is_too_old_to_serve_some_day() -> None:
    table = known()
    assert table.usable(NAME, 160, asked_at=160 - PATIENCE_S) is None
    table.answered(NAME, SILENCE, 160)
    assert table.usable(NAME, 160) is None


def test_without_stale_s_nothing_serves_after_its_time() -> None:
    table = known(limits=NameLimits(cache_s=60, stale_s=0))
    assert table.usable(NAME, 60 + PATIENCE_S, asked_at=60) is None
    table.answered(NAME, SILENCE, 61)
    assert table.usable(NAME, 61) is None


def test_a_doubted_address_is_asked_for_before_it_is_used_again() -> None:
    table = known()
    table.doubt(NAME)
    assert table.usable(NAME, 1) is None
    assert table.usable(NAME, 1 + PATIENCE_S, asked_at=1) == OLD


def test_the_oldest_names_go_when_there_are_too_many() -> None:
    table = NameCache(LIMITS)
    names = [Name(f"n{number}.example", 0) for number in range(MAX_NAMES + 2)]
    for name in names:
        table.answered(name, OLD, 0)
    known = [name for name in names if table[name].state is State.KNOWN]
    assert known == names[2:]


STEPS = st.sampled_from([OLD, NEW, MISSING, SILENCE, "doubt"])


@given(st.lists(st.tuples(STEPS, st.floats(0, 90), st.booleans())))
def test_in_any_order_what_is_used_is_what_was_said_last(
    steps: list[tuple[Answer | str, float, bool]],
) -> None:
    table, now = NameCache(LIMITS), 0.0
    last: Answer | None = None
    for step, later_s, is_asked in steps:
        now += later_s
        if isinstance(step, str):
            table.doubt(NAME)
        else:
            table.answered(NAME, step, now)
            if step is not SILENCE:
                last = step
            elif last is MISSING:
                last = None
        entry = table[NAME]
        assert isinstance(entry.answer, Addresses) is (entry.state in (State.KNOWN, State.STALE))
        assert (entry.answer is None) is (entry.state is State.UNKNOWN)
        asked_at = now - PATIENCE_S if is_asked else now
        if (usable := table.usable(NAME, now, asked_at)) is not None:
            assert usable == last
            assert now < entry.answered_at + LIMITS.cache_s + LIMITS.stale_s


def test_the_table_of_states_is_whole_and_every_state_can_be_left_and_come_to() -> None:
    assert set(TRANSITIONS) == {(state, event) for state in State for event in Event}
    for state in State:
        assert any(before is not state is after for (before, _), after in TRANSITIONS.items())
        assert any(before is state is not after for (before, _), after in TRANSITIONS.items())
