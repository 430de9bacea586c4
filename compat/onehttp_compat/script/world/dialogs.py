"""The dialogs that a script has the server manage, and their variables."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from onehttp_compat.pv import Message, Value, Variable
from onehttp_compat.script.message_in_progress import MessageInProgress

KEPT: Final = 4096
"""So many dialogs are known; the oldest goes when there are more."""
_KIND: Final = "dlg_var"


class Dialogs:
    """Variables by dialog: by the Call-ID, in each repetition of a capture."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str], dict[Variable, Value]] = OrderedDict()
        self._changing = threading.Lock()
        """Guards the dialogs: all workers of a script begin some."""

    def begin(self, progress: MessageInProgress, values: Message) -> None:
        """``dlg_manage`` of a request that begins one, with the variables that it has by now."""
        progress.is_in_dialog = True
        own = {variable: value for variable, value in values.items() if variable.kind == _KIND}
        with self._changing:
            self._kept.setdefault(_key(progress), own)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def resume(self, progress: MessageInProgress, values: Message) -> bool:
        """A later message of one, what comes behind its BYE included: it has the variables of its
        dialog from here on; False: there is no such dialog."""
        if progress.is_in_dialog:
            return True
        with self._changing:
            kept = self._kept.get(_key(progress))
            if kept is None:
                return False
        values.update(kept)
        progress.is_in_dialog = True
        return True

    def note(self, progress: MessageInProgress, variable: Variable, value: Value) -> None:
        """A variable of a message was written: where that belongs to a dialog, it stays with it."""
        with self._changing:
            kept = self._kept.get(_key(progress))
            if kept is None:
                return
            if value is None:
                kept.pop(variable, None)
            else:
                kept[variable] = value


def _key(progress: MessageInProgress) -> tuple[int, str]:
    return progress.run, progress.message.header("call-id") or ""
