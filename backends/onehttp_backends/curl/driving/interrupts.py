"""Which exceptions came from outside: from a signal handler, or from a timeout library.

Such an exception belongs to the caller. It says nothing about the engine in which it was raised.
"""

from __future__ import annotations

import signal
from types import CodeType
from typing import Final

_OURS: Final = ("builtins", "pycurl", "asyncio.exceptions", "_struct", "struct", "binascii")
_OUR_PACKAGE: Final = "onehttp"
_SIGNALS: Final = tuple(signal.valid_signals())


def is_interrupt(error: BaseException) -> bool:
    """Whether ``error`` cannot have been raised by the driving code itself."""
    if not isinstance(error, Exception):
        return True
    module = type(error).__module__
    if module not in _OURS and not module.startswith(_OUR_PACKAGE):
        return True
    return is_of_signal_handler(error)


def is_of_signal_handler(error: BaseException) -> bool:
    """Whether an installed signal handler has raised ``error``, or it is Ctrl-C."""
    if isinstance(error, KeyboardInterrupt):
        return True
    trace = error.__traceback__
    if trace is None or trace.tb_next is None:
        return False
    handlers = _handlers()
    while trace is not None:
        if trace.tb_frame.f_code in handlers:
            return True
        trace = trace.tb_next
    return False


def _handlers() -> set[CodeType]:
    codes: set[CodeType] = set()
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        code = getattr(getattr(handler, "func", handler), "__code__", None)
        if code is None and callable(handler):  # an object: what calling it runs
            code = getattr(type(handler).__call__, "__code__", None)
        if isinstance(code, CodeType):
            codes.add(code)
    return codes
