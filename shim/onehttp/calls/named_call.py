"""A call on a named connection: its request, on that connection or one that it fails over to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onehttp.calls.arguments import (
    NO_ARGUMENTS,
    CallArguments,
    build_request,
    header_pairs,
)
from onehttp.calls.parts.bodies import encode_body, with_type
from onehttp.calls.parts.form_files import with_whole_form
from onehttp.calls.revision import ReadyConnection
from onehttp.policies.redirects import DEFAULT_MAX_REDIRECTS
from onehttp.urls import query_pairs
from onehttp_backends.contract import Request, plain_request
from onehttp_backends.rules.plain_calls import METHODS_WITHOUT_BODY


def request_on(ready: ReadyConnection, method: str, path: str, call: CallArguments) -> Request:
    """The request of a call with these arguments, on connection ``ready``.

    Raises:
        TypeError: a keyword is unknown.
        RequestError: an argument cannot be sent.
    """
    spec = ready.spec
    url = ready.url(path)
    if not call and type(method) is str and method in METHODS_WITHOUT_BODY and url.isascii():
        return plain_request(method, url, spec.headers, spec.options)
    return build_request(method, url, spec.options, spec.headers, call, spec.content_type)


class NamedCall:
    """The arguments of a call that may make several requests."""

    __slots__ = ("arguments", "method", "path")

    def __init__(
        self, method: str, path: str = "", arguments: CallArguments = NO_ARGUMENTS
    ) -> None:
        self.method = method
        self.path = path
        self.arguments = arguments

    def on(self, ready: ReadyConnection) -> Request:
        """The request on connection ``ready``."""
        return request_on(ready, self.method, self.path, self.arguments)

    def hops_on(self, ready: ReadyConnection) -> int:
        """How many redirects the call follows on ``ready``."""
        allowed = ready.spec.max_redirects
        follow = self.arguments.get("follow_redirects")
        if follow is None:
            return allowed
        return (allowed or DEFAULT_MAX_REDIRECTS) if follow else 0

    def settled(self, ready: ReadyConnection) -> NamedCall:
        """A call whose arguments can be read repeatedly, if ``ready`` has failover.

        Iterators are read into lists, and mutable arguments are copied.
        """
        given = self.arguments
        if not ready.spec.failover or not given:
            return self
        if given.get("files") is not None:
            whole: Any = with_whole_form(given)
            given = whole
        arguments = given.copy()
        headers, params = given.get("headers"), given.get("params")
        body: Any = given.get("body")  # a file or an iterator is settled already
        json, form = given.get("json"), given.get("form")
        if headers is not None:
            arguments["headers"] = headers = header_pairs(headers)
        if json is not None or form is not None or isinstance(body, bytearray):
            arguments["body"], type_header = encode_body(body, json, form)
            arguments["headers"] = with_type(headers or (), type_header)
            arguments["json"] = arguments["form"] = None
        if (values := given.get("path")) is not None and isinstance(values, Mapping):
            arguments["path"] = dict(values)
        if (cookies := given.get("cookies")) is not None:
            arguments["cookies"] = query_pairs(cookies, "cookies")
        if params is not None:
            arguments["params"] = query_pairs(params, "params")
        return NamedCall(self.method, self.path, arguments)
