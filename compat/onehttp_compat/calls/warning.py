"""`LegacyCallWarning`, issued once for each place that calls a legacy function."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from types import CodeType, FrameType
from typing import Any, Final

from onehttp import LegacyCallWarning, OnehttpError
from onehttp_compat.calls.levels import Levels
from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.calls.recording import CallRecorder
from onehttp_compat.registry import LegacyFunction

_PACKAGE: Final = "onehttp_compat"


class LegacyCallError(OnehttpError, RuntimeError):
    """A legacy call was made although the level is ``error``."""


@dataclass(slots=True)
class CallSite:
    """A place in the source that makes legacy calls."""

    code: CodeType
    """Kept, so that no other object gets its id()."""
    module: str
    function: str
    path: str
    line: int
    calls: int = 1


class LegacyWarnings:
    """The places that were warned about, and what to do about others."""

    def __init__(self) -> None:
        # By id(), because hashing a code object hashes its names and constants each time.
        self.seen: dict[tuple[int, int], CallSite] = {}
        """(id() of the code, instruction) of the places that need no further check."""
        self.levels = Levels.of_environment()
        if self.levels.asks_for_warnings and not sys.warnoptions:
            # Python shows a DeprecationWarning in the main module only.
            warnings.simplefilter("default", LegacyCallWarning)
        self.recorder = CallRecorder.of_environment()
        self.replacement: Callable[[LegacyCall], str] = lambda call: call.function.replacement
        """Writes the code that replaces a call."""
        self.recorded: dict[tuple[int, int], tuple[Callable[[], None], CodeType]] = {}
        """The counters of the places that are recorded."""
        self.tell: Callable[[str, FrameType], None] = _warn
        """Issues the warning: `warnings`, or a function that knows a better destination."""

    def note(
        self,
        function: LegacyFunction,
        is_kemi: bool = False,
        call: Callable[[], LegacyCall] | None = None,
    ) -> None:
        """Warn about the nearest caller outside this package, once.

        Args:
            call: makes the call object with the arguments, for the warning; None: they are unknown.

        Raises:
            LegacyCallError: at level ``error``, every time.
        """
        frame = calling_frame()
        key = (id(frame.f_code), frame.f_lasti)
        site = self.seen.get(key)
        if site is not None:
            site.calls += 1
            return
        if key in self.recorded:
            self.recorded[key][0]()
            return
        level = self.levels.of(function.module, frame.f_code.co_filename)
        if level == "error":
            raise LegacyCallError(self._text(function, is_kemi, call))
        if level == "record":
            place = (frame.f_code.co_filename, frame.f_lineno)
            count = self.recorder.counter(*place, function.module, function.label(is_kemi))
            self.recorded[key] = (count, frame.f_code)
            count()
            return
        code = frame.f_code
        self.seen[key] = CallSite(
            code, function.module, function.label(is_kemi), code.co_filename, frame.f_lineno
        )
        if level == "warn":
            self.tell(self._text(function, is_kemi, call), frame)

    def _text(
        self, function: LegacyFunction, is_kemi: bool, call: Callable[[], LegacyCall] | None
    ) -> str:
        code = self.replacement(call()) if call is not None else function.replacement
        said = f"{function.label(is_kemi)}() is a legacy call; use"
        if "\n" in code:
            return f"{said}\n{code}\n(see {function.page})"
        return f"{said} {code} (see {function.page})"


def _warn(text: str, frame: FrameType) -> None:
    warnings.warn_explicit(
        text,
        LegacyCallWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=frame.f_globals.get("__name__"),
    )


remote_place: ContextVar[tuple[str, int] | None] = ContextVar("onehttp_place", default=None)
"""File and line of a call that a script makes in another process."""


def calling_place() -> tuple[str, int]:
    """Return file and line of the nearest caller outside this package."""
    place = remote_place.get()
    if place is not None:
        return place
    frame = calling_frame()
    return frame.f_code.co_filename, frame.f_lineno


def calling_end() -> tuple[int, int] | None:
    """Return line and column (in bytes, from 0) of the end of that call. None if it is in another
    process, or in Python 3.10."""
    if remote_place.get() is not None:
        return None
    frame = calling_frame()
    positions: Any = getattr(frame.f_code, "co_positions", None)
    if positions is None or frame.f_lasti < 0:
        return None
    _, line, _, column = next(islice(positions(), frame.f_lasti // 2, None), (None,) * 4)
    return None if line is None or column is None else (line, column)


def calling_frame() -> FrameType:
    """Return the nearest frame outside this package."""
    frame: FrameType = sys._getframe(2)
    while frame.f_back is not None:
        if not frame.f_globals.get("__name__", "").startswith(_PACKAGE):
            return frame
        frame = frame.f_back
    return frame
