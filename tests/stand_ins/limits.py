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

GENEROUS_S: Final = 119.0
"""No test asks for just this: what was made generous can be told from what was asked for."""
DEFAULTS_S: Final = {
    "total_timeout_s": DEFAULT_OPTIONS.total_timeout_s,
    "connect_timeout_s": DEFAULT_OPTIONS.connect_timeout_s,
    "idle_timeout_s": 0.5,  # what asynchronous legacy calls wait for the next byte
}


class _Limit:
    """A field of `TransferOptions` whose default is another while tests are about other things."""

    is_generous = True

    def __init__(self, name: str, default_s: float) -> None:
        self._field = vars(TransferOptions)[name]
        self._defaults_s = (default_s, GENEROUS_S)

    def __get__(self, options: TransferOptions | None, owner: type) -> Any:
        if options is None:
            return self
        value = self._field.__get__(options, owner)
        return self._defaults_s[self.is_generous] if value in self._defaults_s else value

    def __set__(self, options: TransferOptions, value: object) -> None:
        self._field.__set__(options, value)


def _set(is_generous: bool) -> None:
    _Limit.is_generous = is_generous
    # Engines keep handles by the identity of options, so those of legacy calls are made anew.
    if legacy := sys.modules.get("onehttp_compat.modules.http_async_client.settings"):
        for each in vars(legacy).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()


@contextmanager
def defaults() -> Iterator[None]:
    """The limits that users have."""
    _set(is_generous=False)
    try:
        yield
    finally:
        _set(is_generous=True)


for _name, _default_s in DEFAULTS_S.items():
    setattr(TransferOptions, _name, _Limit(_name, _default_s))
