"""Attempts come and go in every order of the limiter's lines: nobody waits beside a free place."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from itertools import count, islice, permutations
from types import FrameType
from typing import Any

import pytest

from onehttp.policies import limits
from onehttp.policies.limits import Limiter, LimitsPolicy, Turn
from servers.patience import PATIENCE_S


class Halfway:
    """A thread that stops before one of the limiter's lines, until it is told to go on."""

    def __init__(self, step: Callable[[], object], line: int) -> None:
        self.has_ended = False
        self._step, self._left = step, line
        self._stands, self._may_go_on = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._stands.acquire(timeout=PATIENCE_S)

    def go_on(self) -> None:
        self._may_go_on.release()
        self._thread.join(PATIENCE_S)
        assert self.has_ended

    def _run(self) -> None:
        sys.settrace(self._trace)
        self._step()
        sys.settrace(None)
        self.has_ended = True
        self._stands.release()

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != limits.__file__:
            return None
        if event == "line":
            self._left -= 1
            if self._left == 0:
                self._stands.release()
                self._may_go_on.acquire()
        return self._trace


def limiter_with(places: int) -> tuple[Limiter, dict[str, Callable[[], object]], list[Turn]]:
    """A limiter with all places taken, and one that waits; what happens next, by name."""
    limiter = Limiter(LimitsPolicy(concurrent=places))
    turns = [Turn() for _ in range(places + 2)]
    for turn in turns[:-1]:
        limiter.enter(turn)
    steps: dict[str, Callable[[], object]] = {
        "the first leaves": lambda: limiter.leave(turns[0]),
        "the last of them leaves": lambda: limiter.leave(turns[places - 1]),
        "who waits leaves": lambda: limiter.leave(turns[places]),
        "another comes": lambda: limiter.enter(turns[-1]),
    }
    return limiter, steps, turns


def check(limiter: Limiter, places: int, told: object) -> None:
    line = list(limiter._line)
    first = list(islice(line, places))
    assert [turn.is_granted for turn in first] == [True] * len(first), told
    assert not any(turn.is_granted for turn in line[places:]), told


@pytest.mark.parametrize("places", [1, 2])
@pytest.mark.parametrize("is_in_order", [True, False])
def test_nobody_waits_beside_a_free_place(places: int, is_in_order: bool) -> None:
    _, steps, _ = limiter_with(places)
    for names in permutations(steps, 3):
        for at_line in count(1):
            one_has_ended = False
            for of_other in count(1):
                limiter, steps, _ = limiter_with(places)
                one = Halfway(steps[names[0]], at_line)
                other = Halfway(steps[names[1]], of_other)
                one_has_ended, other_has_ended = one.has_ended, other.has_ended
                steps[names[2]]()
                for each in (one, other) if is_in_order else (other, one):
                    each.go_on()
                check(limiter, places, (names, at_line, of_other))
                if other_has_ended:
                    break
            if one_has_ended:
                break
