"""The calls that were made on the double, to assert on."""

from __future__ import annotations

import json
from typing import Any

from onehttp.testing.matching import params_of
from onehttp_backends.contract import Request, Response
from onehttp_backends.errors import TransferError
from onehttp_backends.headers import Headers


class Call:
    """A request and what came of it: a response, an error, or (so far) neither.

    Attributes:
        request: as it would have gone out: ``method``, ``url``, ``headers`` (pairs), ``body``.
        response: what the product got; None where it got an error.
        error: that error.
        names: what ``{name}`` in the route's URL stood for.
    """

    __slots__ = ("error", "names", "request", "response")

    def __init__(self, request: Request, names: dict[str, str] | None = None) -> None:
        self.request = request
        self.response: Response | None = None
        self.error: TransferError | None = None
        self.names = names or {}

    @property
    def params(self) -> dict[str, Any]:
        """The query parameters; of one that stands there several times, a list."""
        found: dict[str, Any] = {}
        for name, value in params_of(self.request):
            if name not in found:
                found[name] = value
            elif isinstance(found[name], list):
                found[name].append(value)
            else:
                found[name] = [found[name], value]
        return found

    @property
    def headers(self) -> Headers:
        """The request's, as a mapping whose keys have no case."""
        return Headers(self.request.headers)

    @property
    def text(self) -> str:
        """The request's body."""
        return (self.request.body or b"").decode("utf-8", "replace")

    def json(self) -> Any:
        """The request's body as JSON.

        Raises:
            json.JSONDecodeError: it is none.
        """
        return json.loads(self.request.body or b"")

    def __repr__(self) -> str:
        ended = self.response if self.response is not None else self.error
        return f"<Call {self.request.method} {self.request.url}: {ended!r}>"


class Calls(list[Call]):
    """Calls in the order they were made."""

    @property
    def last(self) -> Call:
        """The latest.

        Raises:
            AssertionError: there is none.
        """
        if not self:
            raise AssertionError("there was no call")
        return self[-1]
