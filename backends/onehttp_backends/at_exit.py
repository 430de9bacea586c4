"""What engines do when the interpreter ends.

Handlers run in the reverse order of their registration, and an engine's module is imported when
somebody first calls ``init``. So that a program's own handlers may still make calls, this module
is imported with the library, and does for the engines what they ask for.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable

_asked: list[Callable[[], None]] = []


def at_exit(close: Callable[[], None]) -> None:
    """Have ``close`` called after all that was registered since the library was imported."""
    _asked.append(close)


def _run() -> None:
    for close in reversed(_asked):
        close()


atexit.register(_run)
