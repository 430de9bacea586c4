"""The dialogs that the server manages for a script: their states, and their variables."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from onehttp_compat.pv import Message, Value, Variable
from onehttp_compat.script.message_in_progress import MessageInProgress
from onehttp_compat.sip.message import SipMessage

KEPT: Final = 4096
"""The number of dialogs that are kept. If there are more, the oldest is removed."""
_KIND: Final = "dlg_var"


_UNCONFIRMED, _EARLY, _ANSWERED, CONFIRMED, ENDED = range(1, 6)
_FIRST_FINAL, _FIRST_FAILURE = 200, 300


@dataclass(slots=True)
class Dialog:
    """One dialog."""

    number: int
    begun_by: MessageInProgress
    """Its INVITE, whose replies show the state of the dialog."""
    variables: dict[Variable, Value] = field(default_factory=dict)
    has_ack: bool = False
    has_bye: bool = False
    started: int = 0
    """When it was first seen as answered, in seconds since 1970."""

    @property
    def is_answered(self) -> bool:
        return self._status // 100 == _FIRST_FINAL // 100

    @property
    def state(self) -> int:
        """The number that the server has for this state."""
        status = self._status
        if self.has_bye or status >= _FIRST_FAILURE:
            return ENDED
        if status >= _FIRST_FINAL:
            return CONFIRMED if self.has_ack else _ANSWERED
        return _EARLY if status else _UNCONFIRMED

    @property
    def reply(self) -> SipMessage | None:
        """The reply of the other side."""
        tm = self.begun_by.tm
        return tm.last_reply if tm is not None and self.is_answered else None

    @property
    def _status(self) -> int:
        """The status of the last reply except 100; 0 if there is none."""
        transaction = self.begun_by.transaction
        said = [int(one[:3]) for one in transaction.responses] if transaction else []
        return next((status for status in reversed(said) if status > 100), 0)


class Dialogs:
    """Dialogs by Call-ID, separately for each repetition of a capture."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str], Dialog] = OrderedDict()
        self._begun = 0
        self._changing = threading.Lock()
        """Guards the dialogs, because all workers of a script start some."""

    def begin(self, progress: MessageInProgress, values: Message) -> None:
        """``dlg_manage`` for a request that starts a dialog. The dialog takes the variables that
        are set now."""
        progress.is_in_dialog = True
        own = {variable: value for variable, value in values.items() if variable.kind == _KIND}
        with self._changing:
            self._begun += 1
            self._kept.setdefault(_key(progress), Dialog(self._begun, progress, own))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def resume(self, progress: MessageInProgress, values: Message) -> bool:
        """Give a later message of a dialog, even after its BYE, the variables of the dialog. False
        if there is no such dialog."""
        if progress.is_in_dialog:
            return True
        with self._changing:
            kept = self._kept.get(_key(progress))
            if kept is None:
                return False
        values.update(kept.variables)
        progress.is_in_dialog = True
        return True

    def manage(self, progress: MessageInProgress) -> None:
        """``dlg_manage`` for a request within a dialog."""
        dialog = self.find(progress)
        if dialog is not None:
            progress.is_managed = True
            dialog.has_ack |= progress.message.method == "ACK"
            dialog.has_bye |= progress.message.method == "BYE"

    def find(self, progress: MessageInProgress) -> Dialog | None:
        """Return the dialog of a message. None if there is none, or if it has ended and the sender
        is not the caller."""
        with self._changing:
            dialog = self._kept.get(_key(progress))
        if dialog is None:
            return None
        sender, caller = progress.message.address("from"), dialog.begun_by.message.address("from")
        is_caller = sender is not None and caller is not None and (
            sender.param("tag") == caller.param("tag"))  # fmt: skip
        return dialog if is_caller or dialog.state != ENDED else None

    def count(self) -> int:
        """The number of dialogs that are answered and not over."""
        with self._changing:
            kept = list(self._kept.values())
        return sum(_ANSWERED <= one.state <= CONFIRMED for one in kept)

    def note(self, progress: MessageInProgress, variable: Variable, value: Value) -> None:
        """A variable of a message was written. If its class belongs to a dialog, the dialog keeps
        it."""
        with self._changing:
            kept = self._kept.get(_key(progress))
            if kept is None:
                return
            if value is None:
                kept.variables.pop(variable, None)
            else:
                kept.variables[variable] = value


def _key(progress: MessageInProgress) -> tuple[int, str]:
    return progress.run, progress.message.header("call-id") or ""
