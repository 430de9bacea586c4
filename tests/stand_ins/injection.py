"""An exception at any line of some files, as a signal handler or a lack of memory raises it."""

from __future__ import annotations

import dis
import functools
import inspect
import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import pytest

Way = tuple[object, ...]
"""A line, in the code that is tested, the call that led to it, and its turn."""

TURNS: Final = 2
"""A line counts so often in one run: the turns of a loop after the second are like it."""


class Interrupt(KeyboardInterrupt):
    """As a signal handler raises it."""


class Lines:
    """The lines at which something has happened, each `TURNS` times at most.

    Args:
        ways: where something has happened before, in whatever test shares them: a line that is
            reached from the same line of its caller counts as one at which it has happened.
        package: what the paths of the code that is tested begin with.
    """

    def __init__(self, ways: set[Way] | None = None, package: str = "") -> None:
        self.struck: dict[tuple[int, int], int] = {}
        """The turns of each line at which something has happened."""
        self._ways = ways
        self._package = package

    def __len__(self) -> int:
        return len(self.struck)

    def take(self, frame: FrameType, line: tuple[int, int], turn: int) -> bool:
        """Whether nothing has happened on this way to the line, of which `struck` does not say that
        something has happened at this turn; from now on something has."""
        self.struck[line] = turn
        if self._ways is None:
            return True
        way = (turn, *itertools.islice(self._calls_to(frame), 2))
        is_new = way not in self._ways
        self._ways.add(way)
        return is_new

    def _calls_to(self, frame: FrameType | None) -> Iterator[tuple[int, int]]:
        while frame is not None:
            if frame.f_code.co_filename.startswith(self._package):
                yield id(frame.f_code), frame.f_lineno
            frame = frame.f_back


class Injector:
    """Raises at the first line at which nothing has happened, of those that a thread runs in files
    whose paths begin as said.

    With ``in_others`` the threads are those that begin meanwhile, else it is the one that is in
    `in_force`.
    """

    def __init__(
        self,
        lines: Lines,
        paths: tuple[str, ...],
        error: type[BaseException] = Interrupt,
        in_others: bool = False,
    ) -> None:
        self._lines = lines
        self._struck = lines.struck
        self._met: dict[tuple[int, int], int] = {}
        self._paths = paths
        self.error = error
        # One object for as long as it is in force: CPython 3.11 has called one that was freed.
        self._tracer = self._trace
        self._install = threading.settrace if in_others else sys.settrace
        self.place = ""
        """Where it was raised; empty when no other lines were run."""

    @contextmanager
    def in_force(self) -> Iterator[None]:
        self._install(self._tracer)
        try:
            yield
        finally:
            self._install(None)

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if self.place:  # nothing more is to happen
            return None
        code = frame.f_code
        if event == "line":
            line = (id(code), frame.f_lineno)  # the hash of code is made of all of it each time
            self._met[line] = turn = self._met.get(line, 0) + 1
            # Most lines end here: a call of a method for each would take a third of the time.
            if self._struck.get(line, 0) < turn <= TURNS and self._lines.take(frame, line, turn):
                self.place = f"{Path(code.co_filename).name}:{frame.f_lineno}"
                self.strike()
        elif event == "call":
            is_finalised = frame.f_back is not None and not frame.f_back.f_trace_lines  # its caller
            if is_finalised or not code.co_filename.startswith(self._paths):
                return None
        elif event == "exception" and argument[0] is GeneratorExit:
            frame.f_trace_lines = False  # being finalised: Python would print it, and tell nobody
        return self._tracer

    def strike(self) -> None:
        """What happens there."""
        raise self.error(f"injected at {self.place}")


class InstructionInjector:
    """Raises once where CPython looks for signals and nothing has been raised: after a call of what
    is no Python code, at the begin of a function, and where a loop turns back.

    Args:
        places: where it has been raised; shared by those who are to find others.
        paths: what the paths of the files begin with.
        handler: called there instead; nothing is raised.
    """

    def __init__(
        self,
        places: set[tuple[str, str, int]],
        paths: tuple[str, ...],
        handler: Callable[[], object] | None = None,
    ) -> None:
        self._places = places
        self._paths = paths
        self._handler = handler
        self._before: dict[FrameType, str] = {}
        self._names: dict[FrameType, dict[int, str]] = {}
        # One object for as long as it is in force: CPython 3.11 has called one that was freed.
        self._tracer = self._trace
        self.place = ""
        """Where it was raised; empty when there was no place left."""

    @contextmanager
    def in_force(self) -> Iterator[None]:
        sys.settrace(self._tracer)
        try:
            yield
        finally:
            self._end()

    def run(self, what: Callable[[], object]) -> None:
        """Raise in ``what()``. `in_force` cannot raise in `contextlib`, which it needs itself."""
        sys.settrace(self._tracer)
        try:
            what()
        except Interrupt:
            pass
        finally:
            self._end()

    def _end(self) -> None:
        sys.settrace(None)
        # Of frames, whose generators end when they are freed.
        self._before.clear()
        self._names.clear()

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if self.place:
            return None
        if event == "call":
            if frame.f_back in self._before and not IS_PYTHON_CALL_A_PLACE:
                self._before[frame.f_back] = ""
            is_finaliser = frame.f_code.co_name == "__del__"  # Python would print what it raises
            if is_finaliser or not frame.f_code.co_filename.startswith(self._paths):
                return None
            frame.f_trace_opcodes = True
            goes_on = frame.f_code.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE)
            self._before[frame] = "" if goes_on else "RESUME"
            # For each call, not for each instruction: the hash of code is made of all of it.
            self._names[frame] = _instructions(frame.f_code)
        elif event == "opcode":
            at = frame.f_lasti
            names = self._names.get(frame) or _instructions(frame.f_code)
            before, self._before[frame] = self._before.get(frame, ""), names[at]
            if not before.startswith(LOOKS_FOR_SIGNALS):
                return self._tracer
            code = frame.f_code
            place = (code.co_filename, code.co_name, at)
            if place not in self._places:
                self._places.add(place)
                self.place = f"{Path(code.co_filename).name}:{frame.f_lineno}, after {before}"
                if self._handler is None:
                    raise Interrupt(f"injected at {self.place}")
                self._handler()
        elif event == "return":
            self._before.pop(frame, None)
            self._names.pop(frame, None)
        return self._tracer


needs_instructions = pytest.mark.skipif(
    sys.version_info >= (3, 12),
    reason="settrace tells of no instruction where a function runs for the first time",
)
IS_PYTHON_CALL_A_PLACE: Final = sys.version_info < (3, 11)
LOOKS_FOR_SIGNALS: Final = ("CALL", "RESUME", "JUMP_BACKWARD", "JUMP_ABSOLUTE")


@functools.cache
def _instructions(code: CodeType) -> dict[int, str]:
    return {each.offset: each.opname for each in dis.get_instructions(code)}
