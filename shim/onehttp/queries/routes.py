"""Routes: named functions that take the result of a query."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar, cast

from onehttp.errors import UnknownRouteError
from onehttp.queries.result import Result
from onehttp_backends.hints.nearest import nearest

Route: TypeAlias = Callable[[Result], object]
RouteTarget: TypeAlias = "str | Route | None"
F = TypeVar("F", bound=Route)


class Routes:
    """Routes by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Route] = {}
        self._scripts: list[object] = []

    def copy(self) -> Routes:
        """Return a copy of the routes, to which others may be added."""
        made = Routes()
        made._by_name.update(self._by_name)
        made._scripts.extend(self._scripts)
        return made

    def route(self, name: str) -> Callable[[F], F]:
        """Register the decorated function as the route ``name``; the last one counts."""

        def register(function: F) -> F:
            self._by_name[name] = function
            return function

        return register

    def look_in(self, script: object) -> None:
        """Find routes also among the functions of ``script`` (a module, or a script's object)."""
        if script not in self._scripts:
            self._scripts.append(script)

    def find(self, target: RouteTarget) -> Route | None:
        """Return the function of a route that is given by name or as the function itself.

        Raises:
            UnknownRouteError: no route of that name.
        """
        return target if target is None or callable(target) else self[target]

    def __getitem__(self, name: str) -> Route:
        """The route called ``name``.

        Raises:
            UnknownRouteError: there is none; the message suggests the most similar name.
        """
        if not isinstance(name, str):
            raise UnknownRouteError(
                f"route: expected a name, a function or None, got {type(name).__name__}"
            )
        route = self._by_name.get(name) or self._of_scripts(name)
        if route is None:
            near = nearest(name, self._by_name)
            hint = f" (did you mean {near!r}?)" if near else ""
            raise UnknownRouteError(
                f"no route named {name!r}{hint}; register it with @onehttp.route({name!r})"
            )
        return route

    def _of_scripts(self, name: str) -> Route | None:
        for script in reversed(self._scripts):
            function = getattr(script, name, None)
            if callable(function) and not name.startswith("_"):
                return cast("Route", function)
        return None


def name_of(route: Route) -> str:
    """Return the name of a route for the log."""
    function = getattr(route, "func", route)  # of a functools.partial, whose repr tells secrets
    named = getattr(function, "__qualname__", None) or getattr(route, "route_name", None)
    return named or type(route).__qualname__
