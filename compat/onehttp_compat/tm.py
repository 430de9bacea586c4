"""Transactions of the real server, named after the module that implements them (``tm``)."""

from __future__ import annotations

from typing import Any

from onehttp_compat.kamailio.frames import Suspension, signed32
from onehttp_compat.kamailio.lanes import SEND_BUFFER_BYTES
from onehttp_compat.kamailio.server_process import server_process
from onehttp_compat.kamailio.transactions import RESUME_ROUTE, Transactions

__all__ = ["RESUME_ROUTE", "SEND_BUFFER_BYTES", "KamailioTransactions", "Suspension", "signed32"]


def KamailioTransactions(ksr: Any, script: object = None) -> Transactions:
    """The transactions of the server. Each process of the server has one object of this class.

    Args:
        ksr: the ``KSR`` of the server.
        script: the object whose methods are the callbacks; it may be set later.
    """
    transactions = server_process(ksr).transactions
    if script is not None:
        transactions.script = script
    return transactions
