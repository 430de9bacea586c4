"""A signal handler that raises anywhere in what sets a context variable, as the watchdog does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from onehttp_compat.calls.warning import remote_place
from onehttp_compat.real_server.calls import placed
from onehttp_compat.script.catalogue import Signature
from onehttp_compat.script.world.assumptions import AssumedAnswer, Assumptions, answering
from stand_ins.injection import InstructionInjector, needs_instructions


def in_a_place() -> None:
    with placed({"file": "route.py", "line": 3}):
        pass


def answered() -> None:
    rules = {"module.f": (AssumedAnswer(lambda _: 1),)}
    assert Assumptions(rules).answer(Signature("module", "f", "int", ()), ()) == 1


@needs_instructions
@pytest.mark.parametrize("run", [in_a_place, answered])
def test_what_was_interrupted_leaves_nothing_to_what_follows(run: Callable[[], None]) -> None:
    places: set[tuple[str, str, int]] = set()
    files = (placed.__code__.co_filename, Assumptions.answer.__code__.co_filename)
    while True:
        injector = InstructionInjector(places, (*files, contextlib.__file__))
        injector.run(run)
        assert (remote_place.get(), answering.get()) == (None, False), injector.place
        if not injector.place:
            break
    assert len(places) > 3
