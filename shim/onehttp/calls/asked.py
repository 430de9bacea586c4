"""Queries that a SIP server carries: asked for in one of its processes, sent by another.

A process that waits for SIP messages cannot drive transfers. Who knows the server
(``onehttp_compat``) is its `Carrier`: it takes a query as it was asked for, suspends the
transaction, and has a process that can do it send it and run its route.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, cast

from onehttp.calls.arguments import CallArguments
from onehttp.queries.routes import RouteTarget


class Asked(NamedTuple):
    """A query as `submit` was asked for it."""

    connection: str
    """Empty: `onehttp.submit` itself."""
    method: str
    url: str
    """On a connection the path."""
    call: CallArguments

    def settled(self) -> Asked:
        """The same with what can be read only once, read."""
        given: Any = self.call
        read = {key: list(one) if isinstance(one, Iterator) else one for key, one in given.items()}
        return self._replace(call=cast("CallArguments", read))


class Carrier(Protocol):
    """Takes the queries of a process."""

    def __call__(self, asked: Asked, route: RouteTarget, xdata: object) -> bool:
        """Have it sent; False: it is none for the server, this process may send it itself.

        Raises:
            OnehttpError: as `onehttp.submit`: nothing was sent, and no transaction is suspended.
        """
