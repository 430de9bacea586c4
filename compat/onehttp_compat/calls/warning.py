"""`LegacyCallWarning`, once for each place that calls a legacy function."""

from __future__ import annotations

import sys
import warnings
from contextvars import ContextVar
from types import CodeType, FrameType
from typing import Final, Literal, TypeAlias

from onehttp import LegacyCallWarning, OnehttpError
from onehttp_compat.registry import LegacyFunction

Level: TypeAlias = Literal["warn", "error", "off"]
_PACKAGE: Final = "onehttp_compat"


class LegacyCallError(OnehttpError, RuntimeError):
    """A legacy call where the module's level is ``error``."""


class LegacyWarnings:
    """Which places were warned of. A level can be set for each module."""

    def __init__(self) -> None:
        # By identity: hashing a code object hashes its names and constants each time.
        self.seen: dict[tuple[int, int], CodeType] = {}
        """(identity of the code, instruction) of the places that need no look any more."""
        self.levels: dict[str, Level] = {}

    def note(self, function: LegacyFunction, is_kemi: bool = False) -> None:
        """Warn of the nearest caller outside this package, unless it was warned before.

        Raises:
            LegacyCallError: at level ``error``, every time.
        """
        frame = calling_frame()
        key = (id(frame.f_code), frame.f_lasti)
        if key in self.seen:
            return
        level = self.levels.get(function.module, "warn")
        text = (
            f"{function.label(is_kemi)}() is a legacy call; "
            f"use {function.replacement} (see {function.page})"
        )
        if level == "error":
            raise LegacyCallError(text)
        self.seen[key] = frame.f_code  # kept, so that no other code gets its identity
        if level == "warn":
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
    """File and line of the nearest caller outside this package."""
    place = remote_place.get()
    if place is not None:
        return place
    frame = calling_frame()
    return frame.f_code.co_filename, frame.f_lineno


def calling_frame() -> FrameType:
    """The nearest frame outside this package."""
    frame: FrameType = sys._getframe(2)
    while frame.f_back is not None:
        if not frame.f_globals.get("__name__", "").startswith(_PACKAGE):
            return frame
        frame = frame.f_back
    return frame
