"""The seam to whatever can wait for a query without blocking: a SIP transaction, a task.

``with onehttp.transaction(tx): onehttp.submit(...)`` suspends ``tx``; the answer resumes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Protocol, TypeAlias

from onehttp.queries.result import Result
from onehttp_backends.hints.keywords import explained

Token: TypeAlias = object
"""What `Transaction.suspend` returns: names one suspension, and means nothing to anybody else."""


class Transaction(Protocol):
    """Something that can be put aside and taken up again.

    Each token that `suspend` returns comes back in exactly one call of `resume` or
    `cancel_suspend`, from any thread. What ends a transaction by itself (a timer, a cancellation)
    is its own affair: `resume` then runs nothing and says so.
    """

    def suspend(self) -> Token:
        """Put it aside.

        Raises:
            TransactionError: it cannot be; nothing is sent.
        """

    def resume(
        self, token: Token, route: Callable[[Result], object] | None, result: Result
    ) -> bool:
        """Take it up again and run ``route`` in it; False when it has ended by itself.

        Without a route nothing runs and the transaction has to find an end of its own. What the
        route raises may come out, once the transaction is in order.
        """

    def cancel_suspend(self, token: Token) -> None:
        """Take it up again as if it had not been suspended: the query could not start."""


_current: ContextVar[Transaction | None] = ContextVar("onehttp_transaction", default=None)
current = _current.get


@explained
def make_current(waiting: Transaction) -> None:
    """Have queries of this context suspend ``waiting`` from here on: for who made the context."""
    _current.set(waiting)


@contextlib.contextmanager
@explained
def transaction(waiting: Transaction | None) -> Iterator[None]:
    """Queries submitted inside suspend ``waiting`` (None: nothing); so do those of their routes."""
    token = _current.set(waiting)
    try:
        yield
    finally:
        _current.reset(token)
