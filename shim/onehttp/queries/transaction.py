"""The interface of objects that wait for a query without blocking: SIP transactions, tasks.

``with onehttp.transaction(tx): onehttp.submit(...)`` suspends ``tx``; the result resumes it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Protocol, TypeAlias

from onehttp.queries.result import Result
from onehttp_backends.contexts import bound
from onehttp_backends.hints.keywords import explained

Token: TypeAlias = object
"""The result of `Transaction.suspend`, which identifies one suspension. Only the transaction
interprets it."""


class Transaction(Protocol):
    """Something that can be suspended and resumed.

    Each token that `suspend` returns is given back in exactly one call of `resume` or
    `cancel_suspend`, from any thread. A transaction may also end by itself (by a timer, or by a
    cancellation); `resume` then runs nothing and returns False.
    """

    def suspend(self) -> Token:
        """Suspend it.

        Raises:
            TransactionError: it cannot be suspended; nothing is sent.
        """

    def resume(
        self, token: Token, route: Callable[[Result], object] | None, result: Result
    ) -> bool:
        """Resume it, and run ``route`` in it; False if it has ended by itself.

        Without a route nothing runs, and the transaction has to end in its own way. An exception of
        the route may be raised, once the transaction is in order.
        """

    def cancel_suspend(self, token: Token) -> None:
        """Resume it as if it had not been suspended, because the query could not start."""


_current: ContextVar[Transaction | None] = ContextVar("onehttp_transaction", default=None)
current = _current.get


@explained
def make_current(waiting: Transaction) -> None:
    """Have queries of this context suspend ``waiting``; for code that has made the context."""
    _current.set(waiting)


@explained
def transaction(waiting: Transaction | None) -> AbstractContextManager[None]:
    """Queries submitted inside suspend ``waiting`` (None: nothing); so do those of their routes."""
    return bound(_current, waiting)
