"""One HTTP engine per process, for blocking callers, asyncio tasks and event routes.

Imports ``onehttp_backends`` only; must not know of the legacy modules (``onehttp_compat``),
which stand on top of it. Importing it starts nothing: no thread, socket or handle. It does not
even load the rest of itself, which comes when the first of its names is asked for: a script that
a server loads into each of its processes costs nothing in those that make no call.
"""

from __future__ import annotations

import atexit
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import onehttp_backends  # noqa: F401 - what engines do at exit comes after what is registered here
from onehttp.version import VERSION

__version__ = VERSION

if TYPE_CHECKING:
    from onehttp.public import *  # noqa: F403 - for type checkers
    from onehttp.public import __all__ as __all__
else:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        public = import_module("onehttp.public")
        if name not in ("__all__", *public.__all__):
            from onehttp.hints.names import no_such_name

            raise no_such_name(name, sys._getframe(1))
        globals().update({each: getattr(public, each) for each in ("__all__", *public.__all__)})
        return globals()[name]

    def __dir__() -> list[str]:
        return [*globals(), *__getattr__("__all__")]


@atexit.register
def _shutdown_at_exit() -> None:
    # Here, and not where it is loaded: handlers that are registered from now on may still call.
    api = sys.modules.get("onehttp.api")
    if api is not None:
        api.shutdown()
