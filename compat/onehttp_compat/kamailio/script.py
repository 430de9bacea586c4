"""The functions of a script that the server calls: a base class for the script's object."""

from __future__ import annotations

from typing import Any, Final

from onehttp import NotInitialisedError
from onehttp_compat.kamailio.server_process import ServerProcess, current_process

SLICE_S: Final = 0.05
"""How long a process of ``rtimer`` works on queries before the server has it back; each return
costs some microseconds. No process can read a new script meanwhile: see `reload.spreading`."""


class Script:
    """``class Script(onehttp_compat.kamailio.Script)``: what ``mod_init`` of a script returns.

    ``onehttp_drive`` is the route to name in ``modparam("rtimer", "exec", ...)``,
    ``onehttp_resume`` what suspended transactions go on with. The others are what the server looks
    for in each script: up to Kamailio 5.7, one that is missing makes the next call of ``KSR`` fail.
    """

    def child_init(self, rank: int) -> int:
        """A process of the server begins; 0: it may."""
        process = current_process()
        if process is not None:
            process.reloads.begins(self, rank)
            if not process.server.has_started:  # `modparam` came after `setup`
                process.server.start()
        return 0

    def ksr_reply_route(self, message: Any) -> int:
        """A reply has come in; 1: it goes on its way."""
        return 1

    def ksr_onsend_route(self, message: Any) -> int:
        """Something is about to be sent; 1: it is."""
        return 1

    def onehttp_resume(self, message: Any, event: str = "") -> int:
        """A suspended transaction goes on: the callback of its query runs."""
        transactions = _process().transactions
        transactions.script = self
        return transactions.resumed()

    def onehttp_drive(self, message: Any, event: str = "") -> int:
        """Work on queries for a slice of time."""
        process = _process()
        process.transactions.script = self
        process.transactions.drive(0.0 if process.spreading.is_under_way() else SLICE_S)
        return 1


def _process() -> ServerProcess:
    process = current_process()
    if process is None:
        raise NotInitialisedError("KSR = onehttp_compat.kamailio.setup(KSR) is to come first")
    return process
