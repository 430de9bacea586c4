"""The dialogs that a script has the server manage: their states, and their variables."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from onehttp_compat.pv import Message, Value, Variable
from onehttp_compat.script.message_in_progress import MessageInProgress
from onehttp_compat.sip.message import SipMessage

KEPT: Final = 4096
"""So many dialogs are known; the oldest goes when there are more."""
_KIND: Final = "dlg_var"


_UNCONFIRMED, _EARLY, _ANSWERED, CONFIRMED, ENDED = range(1, 6)
_FIRST_FINAL, _FIRST_FAILURE = 200, 300


@dataclass(slots=True)
class Dialog:
    """One dialog."""

    number: int
    begun_by: MessageInProgress
    """Its INVITE; what was answered to that says how far it is."""
    variables: dict[Variable, Value] = field(default_factory=dict)
    has_ack: bool = False
    has_bye: bool = False
    started: int = 0
    """When somebody first saw that it was answered, in seconds since 1970."""

    @property
    def is_answered(self) -> bool:
        return self._status // 100 == _FIRST_FINAL // 100

    @property
    def state(self) -> int:
        """As the server numbers them."""
        status = self._status
        if self.has_bye or status >= _FIRST_FAILURE:
            return ENDED
        if status >= _FIRST_FINAL:
            return CONFIRMED if self.has_ack else _ANSWERED
        return _EARLY if status else _UNCONFIRMED

    @property
    def reply(self) -> SipMessage | None:
        """What the other side has answered it with."""
        tm = self.begun_by.tm
        return tm.last_reply if tm is not None and self.is_answered else None

    @property
    def _status(self) -> int:
        """The last that was answered, save 100; 0: none."""
        transaction = self.begun_by.transaction
        said = [int(one[:3]) for one in transaction.responses] if transaction else []
        return next((status for status in reversed(said) if status > 100), 0)


class Dialogs:
    """By the Call-ID, in each repetition of a capture."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str], Dialog] = OrderedDict()
        self._begun = 0
        self._changing = threading.Lock()
        """Guards the dialogs: all workers of a script begin some."""

    def begin(self, progress: MessageInProgress, values: Message) -> None:
        """``dlg_manage`` of a request that begins one, with the variables that it has by now."""
        progress.is_in_dialog = True
        own = {variable: value for variable, value in values.items() if variable.kind == _KIND}
        with self._changing:
            self._begun += 1
            self._kept.setdefault(_key(progress), Dialog(self._begun, progress, own))
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
        values.update(kept.variables)
        progress.is_in_dialog = True
        return True

    def manage(self, progress: MessageInProgress) -> None:
        """``dlg_manage`` of a request within one."""
        dialog = self.find(progress)
        if dialog is not None:
            progress.is_managed = True
            dialog.has_ack |= progress.message.method == "ACK"
            dialog.has_bye |= progress.message.method == "BYE"

    def find(self, progress: MessageInProgress) -> Dialog | None:
        """That of a message; None: there is none, or it is over for the side that sends."""
        with self._changing:
            dialog = self._kept.get(_key(progress))
        if dialog is None:
            return None
        sender, caller = progress.message.address("from"), dialog.begun_by.message.address("from")
        is_caller = sender is not None and caller is not None and (
            sender.param("tag") == caller.param("tag"))  # fmt: skip
        return dialog if is_caller or dialog.state != ENDED else None

    def count(self) -> int:
        """Those that are answered and not over."""
        with self._changing:
            kept = list(self._kept.values())
        return sum(_ANSWERED <= one.state <= CONFIRMED for one in kept)

    def note(self, progress: MessageInProgress, variable: Variable, value: Value) -> None:
        """A variable of a message was written: where that belongs to a dialog, it stays with it."""
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
