"""Generous limits where a test sets none: a busy machine must not fail what is not about limits.

Importing this makes the defaults generous, for processes that a test starts, too; tests that are
about the defaults ask for the fixture ``default_limits``.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from onehttp_backends.contract import DEFAULT_OPTIONS, TransferOptions

GENEROUS_S: Final = 119.0
"""No test asks for just this: what was made generous can be told from what was asked for."""
DEFAULTS_S: Final = {
    "total_timeout_s": DEFAULT_OPTIONS.total_timeout_s,
    "connect_timeout_s": DEFAULT_OPTIONS.connect_timeout_s,
    "idle_timeout_s": 0.5,  # what asynchronous legacy calls wait for the next byte
}
_kept: Final[list[TransferOptions]] = []
_made_plainly: Final = TransferOptions.__init__


def _made_generously(options: TransferOptions, **fields: Any) -> None:
    _made_plainly(options, **fields)
    _make_generous(options)


def _make_generous(options: TransferOptions) -> None:
    for name, default_s in DEFAULTS_S.items():
        if getattr(options, name) == default_s:
            object.__setattr__(options, name, GENEROUS_S)


def _make_default(options: TransferOptions) -> None:
    for name, default_s in DEFAULTS_S.items():
        if getattr(options, name) == GENEROUS_S:
            object.__setattr__(options, name, default_s)


def _set(is_generous: bool) -> None:
    made = _made_generously if is_generous else _made_plainly
    TransferOptions.__init__ = made  # type: ignore[assignment, method-assign]
    change = _make_generous if is_generous else _make_default
    for each in (*_kept, *_alive()):
        change(each)
    # Engines keep handles by the identity of options, so those of legacy calls are made anew.
    if legacy := sys.modules.get("onehttp_compat.modules.http_async_client.settings"):
        for each in vars(legacy).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()


def note_kept() -> None:
    """Those that modules keep for every caller, before they are frozen and found no more."""
    _kept.extend(_alive())


def _alive() -> list[TransferOptions]:
    return [each for each in gc.get_objects() if type(each) is TransferOptions]


@contextmanager
def defaults() -> Iterator[None]:
    """The limits that users have."""
    _set(is_generous=False)
    try:
        yield
    finally:
        _set(is_generous=True)


_set(is_generous=True)
