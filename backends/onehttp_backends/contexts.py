"""Context variables that have a value for the length of a block, whatever interrupts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def bound(variable: ContextVar[T], value: T) -> Iterator[None]:
    """``variable`` is ``value`` in the block, and then what it was before.

    A signal handler may raise after any call, the one that sets the variable among them: before
    there is a token. So that is part of what is tried; and what is done at the end is one call.
    """
    before, token = variable.get(), None
    try:
        token = variable.set(value)
        yield
    finally:
        if token is not None:
            try:  # noqa: SIM105 - entering `suppress` would be a call before it
                variable.reset(token)
            except ValueError:
                pass  # the coroutine of a closed loop ends in any context, when it is collected
        else:
            variable.set(before)
