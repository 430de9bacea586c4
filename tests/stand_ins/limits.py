"""Generous limits where a test sets none: a busy machine must not fail what is not about limits.

Importing this makes the defaults generous, for processes that a test starts, too; tests that are
about the defaults ask for the fixture ``default_limits``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from onehttp_backends.contract import DEFAULT_OPTIONS, TransferOptions

GENEROUS_S: Final = 120.0
ASYNC_S: Final = 0.5
"""What asynchronous legacy calls wait for the next byte unless told otherwise."""
_TOTAL_S: Final = DEFAULT_OPTIONS.total_timeout_s
_CONNECT_S: Final = DEFAULT_OPTIONS.connect_timeout_s
_made_plainly: Final = TransferOptions.__init__


def _made_generously(options: TransferOptions, **fields: Any) -> None:
    _made_plainly(options, **fields)
    if options.total_timeout_s == _TOTAL_S:
        object.__setattr__(options, "total_timeout_s", GENEROUS_S)
    if options.connect_timeout_s == _CONNECT_S:
        object.__setattr__(options, "connect_timeout_s", GENEROUS_S)
    if options.idle_timeout_s == ASYNC_S:
        object.__setattr__(options, "idle_timeout_s", GENEROUS_S)


def _set(total_s: float, connect_s: float, made: Any) -> None:
    object.__setattr__(DEFAULT_OPTIONS, "total_timeout_s", total_s)
    object.__setattr__(DEFAULT_OPTIONS, "connect_timeout_s", connect_s)
    TransferOptions.__init__ = made  # type: ignore[method-assign]
    if legacy := sys.modules.get("onehttp_compat.modules.http_async_client.settings"):
        legacy._options.cache_clear()


def make_generous() -> None:
    _set(GENEROUS_S, GENEROUS_S, _made_generously)


@contextmanager
def defaults() -> Iterator[None]:
    """The defaults that users have."""
    _set(_TOTAL_S, _CONNECT_S, _made_plainly)
    try:
        yield
    finally:
        make_generous()


make_generous()
