"""A call on a named connection: its request, on the connection itself or on one that stands in."""

from __future__ import annotations

from typing import NamedTuple

from onehttp.calls.arguments import (
    METHODS_WITHOUT_BODY,
    HeaderSource,
    TimeoutSource,
    build_request,
    encode_body,
    header_pairs,
    with_type,
)
from onehttp.calls.revision import ReadyConnection
from onehttp.policies.redirects import DEFAULT_MAX_REDIRECTS
from onehttp.urls import ParamSource, query_pairs
from onehttp_backends.contract import Request


def request_on(
    ready: ReadyConnection,
    method: str,
    path: str = "",
    headers: HeaderSource = None,
    params: ParamSource = None,
    body: bytes | str | None = None,
    json: object = None,
    form: ParamSource = None,
    timeout: TimeoutSource = None,
) -> Request:
    """The request of a call with these arguments on ``ready``.

    Raises:
        RequestError: an argument is not fit to be sent.
    """
    spec = ready.spec
    url = ready.url(path)
    if (
        headers is None
        and params is None
        and body is None
        and json is None
        and form is None
        and timeout is None
        and method in METHODS_WITHOUT_BODY
        and url.isascii()
    ):
        return Request(method, url, spec.headers, None, spec.options)
    return build_request(
        method,
        url,
        spec.options,
        spec.headers,
        headers,
        params,
        body,
        json,
        form,
        timeout,
        spec.content_type,
    )


class NamedCall(NamedTuple):
    """The arguments of a call that is more than one exchange."""

    method: str
    path: str = ""
    headers: HeaderSource = None
    params: ParamSource = None
    body: bytes | str | None = None
    json: object = None
    form: ParamSource = None
    timeout: TimeoutSource = None
    follow_redirects: bool | None = None

    def on(self, ready: ReadyConnection) -> Request:
        """The request on ``ready``."""
        return request_on(ready, *self[:-1])

    def hops_on(self, ready: ReadyConnection) -> int:
        """How many redirects are followed there."""
        allowed = ready.spec.max_redirects
        if self.follow_redirects is None:
            return allowed
        return (allowed or DEFAULT_MAX_REDIRECTS) if self.follow_redirects else 0

    def settled(self, ready: ReadyConnection) -> NamedCall:
        """The same, where ``ready`` fails over without what can be read only once, or may be
        changed before it is read again."""
        if not ready.spec.failover:
            return self
        headers = None if self.headers is None else header_pairs(self.headers)
        body = self.body
        if self.json is not None or self.form is not None or isinstance(body, bytearray):
            body, type_header = encode_body(body, self.json, self.form)
            headers = with_type(headers or (), type_header)
        params = None if self.params is None else query_pairs(self.params, "params")
        return self._replace(headers=headers, params=params, body=body, json=None, form=None)
