"""A signal handler that uses the engine, at each line of what drives or begins to: it is served or
refused, the call it has hit goes on, and nothing is left open."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Final

import pytest

from onehttp_backends.errors import EngineClosedError, ReentrantCallError
from stand_ins.driving.scene import (
    DRIVING,
    ROOM,
    Scene,
    Use,
    ask,
    close,
    read_in_pieces,
)
from stand_ins.injection import Injector, Lines

BEGINNING: Final = (*DRIVING, f"{ROOM}/backend.py", f"{ROOM}/names/")


class Call(Injector):
    """Does something there, once."""

    def __init__(self, lines: Lines, call: Callable[[], None]) -> None:
        super().__init__(lines, BEGINNING)
        self._call = call

    def strike(self) -> None:
        sys.settrace(None)
        with contextlib.suppress(ReentrantCallError):
            self._call()


@pytest.mark.slow
@pytest.mark.parametrize("handler", [ask, close], ids=lambda each: str(each.__name__))
@pytest.mark.parametrize("use", [ask, read_in_pieces], ids=lambda each: str(each.__name__))
def test_a_handler_that_calls(scene: Scene, use: Use, handler: Use) -> None:
    open_before = 0
    for call in scene.at_each_line(
        lambda lines: Call(lines, lambda: handler(scene)), are_engines_kept=handler is not close
    ):
        with contextlib.suppress(EngineClosedError), call.in_force():
            use(scene)
        if handler is not close:
            ask(scene)
            assert all(map(scene.is_answered, scene.outcomes)), (call.place, scene.outcomes)
        open_before = open_before or len(os.listdir("/proc/self/fd"))
    # Some are about to be closed, by the server's threads.
    assert len(os.listdir("/proc/self/fd")) < open_before + 50
