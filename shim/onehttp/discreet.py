"""Errors without the frames that they came through: these hold what a call was given."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any, ParamSpec, TypeVar

from onehttp_backends.errors import OnehttpError

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])


_leading_out: set[CodeType] = set()


def leads_out(function: F) -> F:
    """What ``function`` calls is somebody else's, and so are the frames from there on."""
    _leading_out.add(function.__code__)
    return function


def of_others(error: BaseException) -> TracebackType | None:
    """The frames of somebody else's function that ``error``, a mistake in it, came out of."""
    trace = None if isinstance(error, OnehttpError) else error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in _leading_out:
            return trace.tb_next
        trace = trace.tb_next
    return None


def discreet(function: Callable[P, R]) -> Callable[P, R]:
    """Let errors out of ``function`` without its frames, and those below.

    Tools that report errors show the locals of every frame, and those of a call are its headers,
    its body and the query of its URL. The message and the cause of an error say what went wrong.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (OnehttpError, TypeError) as error:
            del args, kwargs
            raise error.with_traceback(of_others(error)) from error.__cause__

    return call
