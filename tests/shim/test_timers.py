"""Timers: one heap, and one thread while something lies in it."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onehttp.timers import FEW, Timers
from servers.patience import PATIENCE_S

LONG_S = 3000.0


def at_once(timers: Timers, fire: Callable[[], object] = lambda: None) -> None:
    """Set a timer that is due, and wait until it has fired."""
    done = threading.Event()

    def fire_and_tell() -> None:
        try:
            fire()
        finally:
            done.set()

    timers.at(time.monotonic(), fire_and_tell)
    assert done.wait(PATIENCE_S)


def run_to_the_end(timers: Timers) -> None:
    """Wait for the thread to end, which it does when nothing is left."""
    thread = timers._thread
    if thread is not None:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_timers_fire_in_the_order_of_their_time_on_a_thread_that_ends_with_the_last() -> None:
    timers = Timers()
    order: list[int] = []
    now_s = time.monotonic()
    with timers.changing:  # so that all are set before the first fires
        for number in (3, 1, 2):
            timers.at(now_s + number / 1000, functools.partial(order.append, number))
    run_to_the_end(timers)
    assert order == [1, 2, 3]
    at_once(timers)


def test_an_earlier_timer_does_not_wait_for_a_later_one() -> None:
    timers = Timers()
    late = timers.at(time.monotonic() + LONG_S, lambda: None)
    at_once(timers)
    assert late.is_set
    late.cancel()


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=12))
def test_what_is_cancelled_does_not_fire_and_all_else_does_once(
    wanted: list[tuple[int, bool]],
) -> None:
    timers = Timers()
    fired: list[int] = []
    now_s = time.monotonic()
    with timers.changing:
        for number, (due, is_cancelled) in enumerate(wanted):
            timer = timers.at(now_s + due / 1000, functools.partial(fired.append, number))
            if is_cancelled:
                assert timer.cancel()
                assert not timer.cancel()
    run_to_the_end(timers)
    expected = [(due, number) for number, (due, cancelled) in enumerate(wanted) if not cancelled]
    assert fired == [number for _, number in sorted(expected)]
    assert timers.pending == 0


def test_cancelled_timers_are_not_kept_until_their_time() -> None:
    timers = Timers()
    last = timers.at(time.monotonic() + LONG_S, lambda: None)
    for _ in range(100 * FEW):
        timers.at(time.monotonic() + LONG_S, lambda: None).cancel()
    assert timers.pending == 1
    assert len(timers._due) <= 2 * FEW
    last.cancel()


def test_a_timer_lets_go_of_what_it_would_have_called() -> None:
    import gc
    import weakref

    class Held:
        def fire(self) -> None: ...

    held = Held()
    timers = Timers()
    timer = timers.at(time.monotonic() + LONG_S, held.fire)
    watch = weakref.ref(held)
    timer.cancel()
    del held
    gc.collect()
    assert watch() is None


@pytest.mark.parametrize("fault", [ValueError("broken"), SystemExit(3)])
def test_a_timer_that_fails_is_logged_and_the_others_fire(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise fault

    timers = Timers()
    with timers.changing:
        timers.at(time.monotonic(), fail)
        at_once_after = threading.Event()
        timers.at(time.monotonic(), at_once_after.set)
    assert at_once_after.wait(PATIENCE_S)
    assert "a timer failed" in caplog.text


def test_without_a_thread_nothing_is_left_behind_and_the_next_timer_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timers = Timers()

    def no_more(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_more)
        with pytest.raises(RuntimeError, match="new thread"):
            timers.at(time.monotonic(), lambda: pytest.fail("it was refused"))
    assert timers.pending == 0
    at_once(timers)


def test_a_timer_set_while_the_thread_is_started_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As a signal handler does that submits a query.
    timers = Timers()
    fired = threading.Event()
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        monkeypatch.setattr(threading.Thread, "start", start)
        timers.at(time.monotonic(), fired.set)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(RuntimeError, match="new thread"):
        timers.at(time.monotonic() + LONG_S, lambda: None)
    assert fired.wait(PATIENCE_S)


def test_a_forked_child_has_no_timer_of_its_parents_and_a_thread_of_its_own() -> None:
    timers = Timers()
    inherited = timers.at(time.monotonic() + LONG_S, lambda: None)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            assert timers.pending == 0
            inherited.cancel()
            at_once(timers)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert inherited.cancel()
