"""A named connection in use: calls on it set nothing but what differs from call to call."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from onehttp.call import (
    METHODS_WITHOUT_BODY,
    HeaderSource,
    ParamSource,
    TimeoutSource,
    build_request,
)
from onehttp.connections.line import Line
from onehttp.connections.model import ConnectionSpec
from onehttp.policies.redirects import (
    DEFAULT_MAX_REDIRECTS,
    aperform_following,
    perform_following,
)
from onehttp_backends.contract import Request, Response

if TYPE_CHECKING:
    from onehttp.queries.query import Query
    from onehttp.queries.routes import RouteTarget
    from onehttp.runtime import Runtime


class Connection:
    """One connection of the configuration, by name. It follows a reload: each call reads the
    definition then in force once, and ends on it.

    All methods take ``path`` relative to the connection's URL (``base + "/" + path``, one slash in
    between; ``""`` is the base itself, ``"?a=b"`` a query on it), and the keywords of
    `onehttp.request`.

    Raises (all methods):
        TransferError: the call gave no response.
        RequestError: an argument is not fit to be sent, e.g. a path that is a whole URL.
        UnknownConnectionError: a reload has removed the connection; should a later one bring the
            name back, this object works again.
    """

    __slots__ = ("_backend", "_runtime", "name")

    def __init__(self, runtime: Runtime, name: str) -> None:
        self.name = name
        self._runtime = runtime
        self._backend = runtime.backend

    @property
    def spec(self) -> ConnectionSpec:
        """The definition in force.

        Raises:
            UnknownConnectionError: a reload has removed it.
        """
        return self._runtime.lines[self.name].spec

    def __repr__(self) -> str:
        return f"<Connection {self.name}>"

    def request(
        self,
        method: str,
        path: str = "",
        *,
        headers: HeaderSource = None,
        params: ParamSource = None,
        body: bytes | str | None = None,
        json: object = None,
        form: ParamSource = None,
        timeout: TimeoutSource = None,
        follow_redirects: bool | None = None,
    ) -> Response:
        """Perform one request on this connection in the calling thread."""
        line = self._runtime.lines[self.name]
        request = _build(line, method, path, headers, params, body, json, form, timeout)
        hops = _hops(line.spec, follow_redirects)
        if hops:
            return perform_following(self._backend, request, hops)
        return self._backend.perform(request)

    def arequest(
        self,
        method: str,
        path: str = "",
        *,
        headers: HeaderSource = None,
        params: ParamSource = None,
        body: bytes | str | None = None,
        json: object = None,
        form: ParamSource = None,
        timeout: TimeoutSource = None,
        follow_redirects: bool | None = None,
    ) -> Coroutine[Any, Any, Response]:
        """The same, awaitable; the arguments are checked by the call."""
        line = self._runtime.lines[self.name]
        request = _build(line, method, path, headers, params, body, json, form, timeout)
        hops = _hops(line.spec, follow_redirects)
        if hops:
            return aperform_following(self._backend, request, hops)
        return self._backend.aperform(request)

    def submit(
        self,
        method: str,
        path: str = "",
        *,
        route: RouteTarget = None,
        xdata: object = None,
        **call: Any,
    ) -> Query:
        """Start one request; its `Result` goes to ``route`` on a worker thread."""
        return self._runtime.submit_request(self.build(method, path, **call), route, xdata)

    def build(
        self,
        method: str,
        path: str = "",
        *,
        headers: HeaderSource = None,
        params: ParamSource = None,
        body: bytes | str | None = None,
        json: object = None,
        form: ParamSource = None,
        timeout: TimeoutSource = None,
    ) -> Request:
        """The `Request` that a call with these arguments performs."""
        line = self._runtime.lines[self.name]
        return _build(line, method, path, headers, params, body, json, form, timeout)

    # The verbs. Written out, since they are the hot path and what people read.

    def get(self, path: str = "", **call: Any) -> Response:
        """GET ``path``."""
        if call or not path.isascii():
            return self.request("GET", path, **call)
        line = self._runtime.lines[self.name]
        spec = line.spec
        request = Request("GET", line.url(path), spec.headers, None, spec.options)
        if spec.max_redirects:
            return perform_following(self._backend, request, spec.max_redirects)
        return self._backend.perform(request)

    def head(self, path: str = "", **call: Any) -> Response:
        """HEAD ``path``."""
        return self.request("HEAD", path, **call)

    def post(self, path: str = "", **call: Any) -> Response:
        """POST to ``path``."""
        return self.request("POST", path, **call)

    def put(self, path: str = "", **call: Any) -> Response:
        """PUT to ``path``."""
        return self.request("PUT", path, **call)

    def patch(self, path: str = "", **call: Any) -> Response:
        """PATCH ``path``."""
        return self.request("PATCH", path, **call)

    def delete(self, path: str = "", **call: Any) -> Response:
        """DELETE ``path``."""
        return self.request("DELETE", path, **call)

    def aget(self, path: str = "", **call: Any) -> Coroutine[Any, Any, Response]:
        """GET ``path``, awaitable."""
        return self.arequest("GET", path, **call)

    def ahead(self, path: str = "", **call: Any) -> Coroutine[Any, Any, Response]:
        """HEAD ``path``, awaitable."""
        return self.arequest("HEAD", path, **call)

    def apost(self, path: str = "", **call: Any) -> Coroutine[Any, Any, Response]:
        """POST to ``path``, awaitable."""
        return self.arequest("POST", path, **call)

    def aput(self, path: str = "", **call: Any) -> Coroutine[Any, Any, Response]:
        """PUT to ``path``, awaitable."""
        return self.arequest("PUT", path, **call)

    def apatch(self, path: str = "", **call: Any) -> Coroutine[Any, Any, Response]:
        """PATCH ``path``, awaitable."""
        return self.arequest("PATCH", path, **call)

    def adelete(self, path: str = "", **call: Any) -> Coroutine[Any, Any, Response]:
        """DELETE ``path``, awaitable."""
        return self.arequest("DELETE", path, **call)


def _build(
    line: Line,
    method: str,
    path: str,
    headers: HeaderSource,
    params: ParamSource,
    body: bytes | str | None,
    json: object,
    form: ParamSource,
    timeout: TimeoutSource,
) -> Request:
    spec = line.spec
    url = line.url(path)
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


def _hops(spec: ConnectionSpec, follow_redirects: bool | None) -> int:
    allowed = spec.max_redirects
    if follow_redirects is None:
        return allowed
    return (allowed or DEFAULT_MAX_REDIRECTS) if follow_redirects else 0
