"""The result of a query, and how a route is called with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import CoroutineType
from typing import TypeAlias

from onehttp_backends.contract import Outcome, Request, Response, Transfer
from onehttp_backends.errors import TransferError

Start: TypeAlias = Callable[[Request, Callable[[Outcome], None]], Transfer]
"""Starts a transfer: a backend's ``submit``, or a policy around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a query: exactly one of ``response`` and ``error`` is not None."""

    query_id: int
    """`Query.id` of the query."""
    response: Response | None = None
    error: TransferError | None = None
    xdata: object = None
    """The object that `submit` was given."""

    @property
    def ok(self) -> bool:
        """Whether there is a response, whatever its status."""
        return self.response is not None


def run_route(route: Callable[[Result], object], result: Result) -> None:
    """Run a route in the calling thread.

    Raises:
        TypeError: the route is a coroutine function, which only an event loop can run.
        Exception: any exception of the route.
    """
    returned = route(result)
    if type(returned) is CoroutineType:
        returned.close()
        raise TypeError("a coroutine function is a route only in a TaskTransaction")
