"""A base class for the object of a script, with the functions that the server calls."""

from __future__ import annotations

from typing import Any, Final

from onehttp import NotInitialisedError
from onehttp_compat.kamailio.server_process import ServerProcess, current_process

SLICE_S: Final = 0.05
"""Seconds that a process of ``rtimer`` works on queries before it returns to the server. Each
return costs some microseconds. No process can read a new script meanwhile: see
`reload.spreading`."""


class Script:
    """The base class of the object that ``mod_init`` of a script returns.

    ``class Script(onehttp_compat.kamailio.Script)``. Name ``onehttp_drive`` in ``modparam("rtimer",
    "exec", ...)``. Suspended transactions resume in ``onehttp_resume``. The server looks for the
    other functions in every script. Up to Kamailio 5.7, if one is missing, the next call of ``KSR``
    fails.
    """

    def child_init(self, rank: int) -> int:
        """Called when a process of the server starts. The result 0 lets it start."""
        process = current_process()
        if process is not None:
            process.reloads.begins(self, rank)
            if not process.server.has_started:  # `modparam` was called after `setup`
                process.server.start()
        return 0

    def ksr_reply_route(self, message: Any) -> int:
        """Called when a reply has arrived. The result 1 lets the server forward it."""
        return 1

    def ksr_onsend_route(self, message: Any) -> int:
        """Called before the server sends a message. The result 1 lets it be sent."""
        return 1

    def onehttp_resume(self, message: Any, event: str = "") -> int:
        """Called when a suspended transaction resumes: runs the callback of its query."""
        transactions = _process().transactions
        transactions.script = self
        return transactions.resumed()

    def onehttp_drive(self, message: Any, event: str = "") -> int:
        """Work on queries for `SLICE_S`, then return to the server."""
        process = _process()
        process.transactions.script = self
        process.transactions.drive(0.0 if process.spreading.is_under_way() else SLICE_S)
        return 1


def _process() -> ServerProcess:
    process = current_process()
    if process is None:
        raise NotInitialisedError("call KSR = onehttp_compat.kamailio.setup(KSR) first")
    return process
