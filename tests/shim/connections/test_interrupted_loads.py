"""A signal handler that raises anywhere in what lets others run while a file is read."""

from __future__ import annotations

import contextlib
import gc
import sys

from onehttp.connections import source
from stand_ins.injection import InstructionInjector, needs_instructions


def read() -> None:
    with source._quick_turns():
        pass


@needs_instructions
def test_what_the_process_has_set_is_as_before() -> None:
    places: set[tuple[str, str, int]] = set()
    before = gc.isenabled(), sys.getswitchinterval()
    while True:
        injector = InstructionInjector(places, (source.__file__, contextlib.__file__))
        try:
            injector.run(read)
            after = gc.isenabled(), sys.getswitchinterval()
        finally:  # the other tests are not to pay for it
            gc.enable()
            sys.setswitchinterval(before[1])
        assert after == before, injector.place
        if not injector.place:
            break
    assert len(places) > 10
