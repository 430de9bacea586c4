"""Queries that one process of a SIP server submits and another process sends.

A process that waits for SIP messages cannot drive transfers. Its `Carrier`, which the layer that
knows the server provides (``onehttp_compat``), takes the arguments of `onehttp.submit`, suspends
the transaction, and has another process send the query and run its route.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, cast

from onehttp.calls.arguments import CallArguments
from onehttp.queries.routes import RouteTarget


class Asked(NamedTuple):
    """The arguments of a `submit`."""

    connection: str
    """The connection's name; empty for `onehttp.submit`, which has none."""
    method: str
    url: str
    """A whole URL, or the path on the connection."""
    call: CallArguments

    def settled(self) -> Asked:
        """Return the same arguments with iterators read into lists."""
        given: Any = self.call
        read = {key: list(one) if isinstance(one, Iterator) else one for key, one in given.items()}
        return self._replace(call=cast("CallArguments", read))


class Carrier(Protocol):
    """Takes the queries that a process submits, and has another process send them."""

    def __call__(self, asked: Asked, route: RouteTarget, xdata: object) -> bool:
        """Have another process send a query.

        Returns:
            False if the query does not belong to the server; this process may then send it itself.

        Raises:
            OnehttpError: as `onehttp.submit`; nothing was sent, and no transaction is suspended.
        """
