"""An exception at any line of some files, as a signal handler or a lack of memory raises it."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

TURNS: Final = 2
"""A line counts so often in one run: the turns of a loop after the second are like it."""


class Interrupt(KeyboardInterrupt):
    """As a signal handler raises it."""


class Injector:
    """Raises at one of the lines that a thread runs in files whose paths begin as said.

    The lines of one thread after the other are counted, each `TURNS` times at most: with
    ``in_others`` those of threads that begin meanwhile, else those of the thread that is in
    `in_force`.
    """

    def __init__(
        self,
        number: int,
        paths: tuple[str, ...],
        error: type[BaseException] = Interrupt,
        in_others: bool = False,
    ) -> None:
        self._left = number
        self._met = Counter[tuple[CodeType, int]]()
        self._paths = paths
        self.error = error
        # One object for as long as it is in force: CPython 3.11 has called one that was freed.
        self._tracer = self._trace
        self._install = threading.settrace if in_others else sys.settrace
        self.place = ""
        """Where it was raised; empty when fewer lines were run."""

    @contextmanager
    def in_force(self) -> Iterator[None]:
        self._install(self._tracer)
        try:
            yield
        finally:
            self._install(None)

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(self._paths):
            return None
        if event == "call" and frame.f_back is not None and not frame.f_back.f_trace_lines:
            return None  # called by one that is being finalised
        if event == "exception" and argument[0] is GeneratorExit:
            frame.f_trace_lines = False  # being finalised: Python would print it, and tell nobody
        elif event == "line":
            self._met[at := (frame.f_code, frame.f_lineno)] += 1
            self._left -= self._met[at] <= TURNS
            if self._left == -1 and not self.place:
                self.place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                self.strike()
        return self._tracer

    def strike(self) -> None:
        """What happens there."""
        raise self.error(f"injected at {self.place}")
