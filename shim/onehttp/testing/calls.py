"""The calls that the double has received, for the assertions of a test."""

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
        """The request in the form that engines get: headers are pairs, in the order they are
        sent."""

    @property
    def method(self) -> str:
        """The HTTP method, in capitals."""
        return self.sent.method

    @property
    def url(self) -> str:
        """The URL, with its query."""
        return self.sent.url

    @property
    def path(self) -> str:
        """The path of the URL with its escapes decoded; `url` has them as they were sent."""
        return unquote(urlsplit(self.url).path) or "/"

    @property
    def headers(self) -> Headers:
        """The headers; names may be given in any case."""
        return Headers(self.sent.headers)

    @property
    def body(self) -> bytes | None:
        """The body; None if there was none."""
        return self.sent.body

    @property
    def params(self) -> dict[str, Any]:
        """The query parameters; the value is a list if a name was given several times."""
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
        """The body, decoded as UTF-8."""
        return (self.body or b"").decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            json.JSONDecodeError: the body is no JSON.
        """
        return json.loads(self.body or b"")

    def __repr__(self) -> str:
        return repr(self.sent)


class Call:
    """A request and its outcome: a response, an error, or neither while it is in flight.

    ``params``, ``headers``, ``text`` and ``json()`` are those of the request.

    Attributes:
        request: the request as it would have been sent.
        response: the response that the code under test got; None if it got an error.
        error: the error that it got; None if it got a response.
        names: the parts of the URL that ``{name}`` in the URL of the route stood for, decoded.
    """

    __slots__ = ("error", "names", "request", "response")

    def __init__(self, request: Request, names: dict[str, str] | None = None) -> None:
        self.request = SeenRequest(request)
        self.response: Response | None = None
        self.error: TransferError | None = None
        self.names = names or {}

    @property
    def params(self) -> dict[str, Any]:
        """The query parameters of the request; see `SeenRequest.params`."""
        return self.request.params

    @property
    def headers(self) -> Headers:
        """The headers of the request; names may be given in any case."""
        return self.request.headers

    @property
    def text(self) -> str:
        """The body of the request, decoded as UTF-8."""
        return self.request.text

    def json(self) -> Any:
        """The body of the request as JSON.

        Raises:
            json.JSONDecodeError: the body is no JSON.
        """
        return self.request.json()

    def __repr__(self) -> str:
        ended = self.response if self.response is not None else self.error
        return f"<Call {self.request.method} {self.request.url}: {ended!r}>"


class Calls(list[Call]):
    """A list of calls, in the order in which they were made."""

    def __getitem__(self, at: Any) -> Any:
        try:
            return super().__getitem__(at)
        except IndexError:
            raise IndexError(f"there is no call {at}: there were {len(self)}") from None

    @property
    def last(self) -> Call:
        """The latest call.

        Raises:
            AssertionError: there was no call.
        """
        if not self:
            raise AssertionError("there was no call")
        latest: Call = self[-1]
        return latest


tell(SeenRequest, OF_REQUEST)
tell(Call, OF_CALL)
tell(Calls, OF_CALLS)
