"""Routes: named functions that take the result of a query."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from onehttp.errors import UnknownRouteError
from onehttp.queries.query import Result

Route: TypeAlias = Callable[[Result], object]
RouteTarget: TypeAlias = "str | Route | None"
F = TypeVar("F", bound=Route)


class Routes:
    """Routes by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Route] = {}

    def route(self, name: str) -> Callable[[F], F]:
        """Register the decorated function as the route ``name``; the last one counts."""

        def register(function: F) -> F:
            self._by_name[name] = function
            return function

        return register

    def find(self, target: RouteTarget) -> Route | None:
        """The function of a route given by name, or itself.

        Raises:
            UnknownRouteError: no route of that name.
        """
        if target is None or callable(target):
            return target
        route = self._by_name.get(target)
        if route is None:
            near = difflib.get_close_matches(str(target), self._by_name, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise UnknownRouteError(
                f"no route named {target!r}{hint}; register it with @onehttp.route({target!r})"
            )
        return route


def name_of(route: Route) -> str:
    """What to call a route in a log line."""
    return getattr(route, "__qualname__", None) or repr(route)
