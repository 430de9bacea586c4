"""``KSR.xlog``: log lines with pseudo-variables in them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from onehttp_compat.pv import UnknownVariableError
from onehttp_compat.script.kemi.core import LEVELS, log_text
from onehttp_compat.script.kemi.functions import TRUE, Functions

_LEVELS: Final = {f"x{name}": level for name, level in LEVELS.items()}


class XlogFunctions(Functions):
    """``KSR.xlog``."""

    def find(self, name: str) -> Callable[..., Any] | None:
        if name in _LEVELS or name == "xalert":
            return lambda text: self._log(_LEVELS.get(name, logging.CRITICAL), text)
        return super().find(name)

    def xlog(self, level: str, text: str) -> int:
        wanted = level.upper().removeprefix("L_").lower()
        return self._log(LEVELS.get(wanted, logging.ERROR), text)

    def _log(self, level: int, text: str) -> int:
        try:
            log_text(level, self._world.server.pv.expand(text))
        except UnknownVariableError as error:
            # The server logs an error in place of the line, and says 1 all the same.
            self._world.mistakes.note(str(error))
        return TRUE
