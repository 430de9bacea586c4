"""Errors without the frames that they came through: these hold what a call was given."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from onehttp_backends.errors import OnehttpError

P = ParamSpec("P")
R = TypeVar("R")


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
            raise error.with_traceback(None) from error.__cause__

    return call
