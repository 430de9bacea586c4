"""Event loops of every kind: each test that runs one is run on all of them."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from types import CodeType
from typing import Final

import pytest

EACH_LOOP: Final = "each_loop"
KINDS: Final = ("asyncio", "uvloop", *(["eager"] if sys.version_info >= (3, 12) else []))
"""``eager`` is asyncio's own, whose tasks begin before they are awaited."""


@contextlib.contextmanager
def of_kind(kind: str) -> Iterator[None]:
    """`asyncio.run` makes loops of this kind."""
    if kind == "uvloop":
        asyncio.set_event_loop_policy(import_module("uvloop").EventLoopPolicy())
    elif kind == "eager":
        asyncio.set_event_loop_policy(_EagerPolicy())
    try:
        yield
    finally:
        asyncio.set_event_loop_policy(None)


class _EagerPolicy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        eager = getattr(asyncio, "eager_task_factory")  # noqa: B009 - not there before 3.12
        loop.set_task_factory(eager)
        return loop


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """For a ``conftest``: what runs a loop is run on each kind of it."""
    if EACH_LOOP in metafunc.fixturenames:
        return
    function = inspect.unwrap(metafunc.function)
    if runs_a_loop(function.__code__) and not is_property(metafunc.function):
        metafunc.fixturenames.append(EACH_LOOP)
        metafunc.parametrize(EACH_LOOP, KINDS, indirect=True)


def is_property(function: object) -> bool:
    return bool(getattr(function, "is_hypothesis_test", False))


def runs_a_loop(code: CodeType) -> bool:
    """Whether a test makes a loop itself, in whatever function within it."""
    names = code.co_names + code.co_freevars
    if "asyncio" in names and ("run" in names or "new_event_loop" in names):
        return True
    return any(runs_a_loop(inner) for inner in code.co_consts if isinstance(inner, CodeType))
