"""The routes of this process, by name."""

from __future__ import annotations

from collections.abc import Callable

from onehttp.api import process
from onehttp.queries.result import Result
from onehttp.queries.routes import F
from onehttp_backends.hints.keywords import explained


@explained
def route(name: str) -> Callable[[F], F]:
    """Register the decorated function as the route ``name``."""
    return process.routes.route(name)


@explained
def routes_in(script: object) -> None:
    """Take the functions of ``script``, a module or a script's object, for routes by name.

    Those registered with `route` come first, then those of the script named last.
    """
    process.routes.look_in(script)


@explained
def find_route(name: str) -> Callable[[Result], object]:
    """The route called ``name``.

    Raises:
        UnknownRouteError: there is none; suggests the nearest.
    """
    return process.routes[name]
