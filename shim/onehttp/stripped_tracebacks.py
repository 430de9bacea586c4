"""Removes the library's frames from the tracebacks of errors, because their locals hold the
arguments of the call."""

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
    """Mark a function that calls code of the user: the frames below it are the user's, and stay."""
    _leading_out.add(function.__code__)
    return function


def of_others(error: BaseException) -> TracebackType | None:
    """Return the frames of the user's function in which ``error`` was raised, if it was."""
    trace = None if isinstance(error, OnehttpError) else error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in _leading_out:
            return trace.tb_next
        trace = trace.tb_next
    return None


def strip_traceback(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that errors leave it without its frames and those below it.

    Tools that report errors show the locals of every frame, and those of a call include its
    headers, its body and its URL. The message and the cause of the error are enough to explain it.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (OnehttpError, TypeError) as error:
            del args, kwargs
            raise error.with_traceback(of_others(error)) from error.__cause__

    return call
