"""Transactions of the real server, by the name of the module that has them (``tm``)."""

from __future__ import annotations

from typing import Any

from onehttp_compat.kamailio.frames import Suspension, signed32
from onehttp_compat.kamailio.lanes import SEND_BUFFER_BYTES
from onehttp_compat.kamailio.server_process import server_process
from onehttp_compat.kamailio.transactions import RESUME_ROUTE, Transactions

__all__ = ["RESUME_ROUTE", "SEND_BUFFER_BYTES", "KamailioTransactions", "Suspension", "signed32"]


def KamailioTransactions(ksr: Any, script: object = None) -> Transactions:
    """The transactions of the server, of which each of its processes has one object.

    Args:
        ksr: the server's own ``KSR``.
        script: whose methods are the callbacks; may be set later.
    """
    transactions = server_process(ksr).transactions
    if script is not None:
        transactions.script = script
    return transactions
