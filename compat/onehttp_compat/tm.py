"""Transactions of the real server, by the name of the module that has them (``tm``)."""

from __future__ import annotations

from onehttp_compat.kamailio.transactions import (
    RESUME_ROUTE,
    SEND_BUFFER_BYTES,
    KamailioTransactions,
    Suspension,
    signed32,
)

__all__ = ["RESUME_ROUTE", "SEND_BUFFER_BYTES", "KamailioTransactions", "Suspension", "signed32"]
