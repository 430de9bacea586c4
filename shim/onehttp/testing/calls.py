"""The calls that were made on the double, to assert on."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote, urlsplit

from onehttp.hints.testing import OF_CALL, OF_CALLS, OF_REQUEST
from onehttp.testing.matching import params_of
from onehttp_backends.contract import Request, Response
from onehttp_backends.errors import TransferError
from onehttp_backends.headers import Headers
from onehttp_backends.hints.elsewhere import tell


class SeenRequest:
    """A request as it would have gone out."""

    __slots__ = ("sent",)

    def __init__(self, sent: Request) -> None:
        self.sent = sent
        """As engines are given it: its headers are pairs in the order of the wire."""

    @property
    def method(self) -> str:
        return self.sent.method

    @property
    def url(self) -> str:
        """With its query."""
        return self.sent.url

    @property
    def path(self) -> str:
        """The path of the URL, without escapes; as it went out it stands in `url`."""
        return unquote(urlsplit(self.url).path) or "/"

    @property
    def headers(self) -> Headers:
        """A mapping whose keys have no case."""
        return Headers(self.sent.headers)

    @property
    def body(self) -> bytes | None:
        """None: there was none."""
        return self.sent.body

    @property
    def params(self) -> dict[str, Any]:
        """The query parameters; of one that stands there several times, a list."""
        found: dict[str, Any] = {}
        for name, value in params_of(self.sent):
            if name not in found:
                found[name] = value
            elif isinstance(found[name], list):
                found[name].append(value)
            else:
                found[name] = [found[name], value]
        return found

    @property
    def text(self) -> str:
        """The body."""
        return (self.body or b"").decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            json.JSONDecodeError: it is none.
        """
        return json.loads(self.body or b"")

    def __repr__(self) -> str:
        return repr(self.sent)


class Call:
    """A request and what came of it: a response, an error, or (so far) neither.

    What the request has, the call has as well: ``params``, ``headers``, ``text``, ``json()``.

    Attributes:
        request: as it would have gone out.
        response: what the product got; None where it got an error.
        error: that error.
        names: what ``{name}`` in the route's URL stood for, without escapes.
    """

    __slots__ = ("error", "names", "request", "response")

    def __init__(self, request: Request, names: dict[str, str] | None = None) -> None:
        self.request = SeenRequest(request)
        self.response: Response | None = None
        self.error: TransferError | None = None
        self.names = names or {}

    @property
    def params(self) -> dict[str, Any]:
        """The request's query parameters."""
        return self.request.params

    @property
    def headers(self) -> Headers:
        """The request's, as a mapping whose keys have no case."""
        return self.request.headers

    @property
    def text(self) -> str:
        """The request's body."""
        return self.request.text

    def json(self) -> Any:
        """The request's body as JSON.

        Raises:
            json.JSONDecodeError: it is none.
        """
        return self.request.json()

    def __repr__(self) -> str:
        ended = self.response if self.response is not None else self.error
        return f"<Call {self.request.method} {self.request.url}: {ended!r}>"


class Calls(list[Call]):
    """Calls in the order they were made."""

    def __getitem__(self, at: Any) -> Any:
        try:
            return super().__getitem__(at)
        except IndexError:
            raise IndexError(f"there is no call {at}: there were {len(self)}") from None

    @property
    def last(self) -> Call:
        """The latest.

        Raises:
            AssertionError: there is none.
        """
        if not self:
            raise AssertionError("there was no call")
        latest: Call = self[-1]
        return latest


tell(SeenRequest, OF_REQUEST)
tell(Call, OF_CALL)
tell(Calls, OF_CALLS)
