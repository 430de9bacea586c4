"""A query that suspends a transaction, and the route that ends it."""

from __future__ import annotations

import onehttp
from onehttp.queries.routes import Route, RouteTarget
from onehttp.testing import FakeTransaction
from servers.patience import PATIENCE_S


def replying(transaction: FakeTransaction, reason: str = "OK") -> Route:
    """A route that sends the final reply: 200 for an answer, 500 for none."""

    def reply(result: onehttp.Result) -> None:
        transaction.reply(200 if result.ok else 500, reason)

    return reply


def suspend(transaction: onehttp.Transaction, url: str, route: RouteTarget) -> onehttp.Query:
    with onehttp.transaction(transaction):
        return onehttp.submit("GET", url, route=route, timeout=PATIENCE_S)
