"""Engines: how a request becomes a response.

Knows nothing of connection names, configuration files, SIP or routes. Imported by
``onehttp`` only; imports nothing of it.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable

_at_exit: list[Callable[[], None]] = []


def at_exit(close: Callable[[], None]) -> None:
    """Have ``close`` called when the interpreter ends, after what a program has registered itself.

    Handlers run in the reverse order of their registration, and an engine is imported when
    somebody first calls ``init``: a program's own handlers could make no call any more. So this
    one handler is registered as the library is imported, and does what engines ask for.
    """
    _at_exit.append(close)


def _end() -> None:
    for close in reversed(_at_exit):
        close()


atexit.register(_end)
