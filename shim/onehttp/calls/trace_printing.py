"""The trace without logging set up: ``ONEHTTP_DEBUG=1`` prints each step of each call.

The steps themselves are told where they happen, to the logger ``onehttp.trace``; with
logging set up, putting that on DEBUG is all that is needed.
"""

from __future__ import annotations

import logging
import os
from typing import Final

VARIABLE: Final = "ONEHTTP_DEBUG"
_OFF: Final = ("", "0", "no", "off", "false")


def print_if_asked() -> None:
    """Print the trace, and what ``onehttp`` tells of itself, on standard error if the
    environment asks for it; once, however often this is called."""
    if os.environ.get(VARIABLE, "").lower() in _OFF:
        return
    logger = logging.getLogger("onehttp")
    if any(isinstance(handler, _Printer) for handler in logger.handlers):
        return
    printer = _Printer()
    printer.setFormatter(logging.Formatter("%(name)s %(message)s"))
    logger.addHandler(printer)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False  # or a root logger that is set up prints each line again


class _Printer(logging.StreamHandler):  # type: ignore[type-arg]  # from Python 3.11 on it has one
    """Prints on what is standard error when a line comes."""
