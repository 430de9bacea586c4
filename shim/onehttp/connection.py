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
    with_params,
)
from onehttp.connections.model import ConnectionSpec
from onehttp.errors import CurlCode, RequestError
from onehttp.policies.redirects import (
    DEFAULT_MAX_REDIRECTS,
    aperform_following,
    perform_following,
)
from onehttp_backends.contract import Backend, Request, Response

if TYPE_CHECKING:
    from onehttp.queries.query import Query
    from onehttp.queries.routes import RouteTarget
    from onehttp.runtime import Runtime


class Connection:
    """One connection of the configuration, by name.

    All methods take ``path`` relative to the connection's URL (``base + "/" + path``, one slash in
    between; ``""`` is the base itself, ``"?a=b"`` a query on it), and the keywords of
    `onehttp.request`.

    Raises (all methods):
        TransferError: the call gave no response.
        RequestError: an argument is not fit to be sent, e.g. a path that is a whole URL.
    """

    __slots__ = ("_backend", "_base", "_runtime", "name", "spec")

    def __init__(self, runtime: Runtime, spec: ConnectionSpec) -> None:
        self.name = spec.name
        self._runtime = runtime
        self._backend: Backend = runtime.backend
        self.spec = spec
        self._base = spec.url.rstrip("/")

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
        request = self.build(
            method,
            path,
            headers=headers,
            params=params,
            body=body,
            json=json,
            form=form,
            timeout=timeout,
        )
        hops = self._hops(follow_redirects)
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
        request = self.build(
            method,
            path,
            headers=headers,
            params=params,
            body=body,
            json=json,
            form=form,
            timeout=timeout,
        )
        hops = self._hops(follow_redirects)
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
        spec = self.spec
        url = self._url(path, spec)
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

    def _url(self, path: str, spec: ConnectionSpec) -> str:
        if not path:
            url = spec.url
        elif path[0] == "/" or path[0] == "?":
            url = self._base + path
        elif "://" in path.partition("/")[0] + path[:8]:
            raise RequestError(
                CurlCode.URL_MALFORMAT,
                f"connection {self.name!r}: the path is a whole URL; "
                "give what follows the connection's own, or use onehttp.request",
            )
        else:
            url = f"{self._base}/{path}"
        return with_params(url, spec.params) if spec.params else url

    def _hops(self, follow_redirects: bool | None) -> int:
        allowed = self.spec.max_redirects
        if follow_redirects is None:
            return allowed
        return (allowed or DEFAULT_MAX_REDIRECTS) if follow_redirects else 0

    # The verbs. Written out, since they are the hot path and what people read.

    def get(self, path: str = "", **call: Any) -> Response:
        """GET ``path``."""
        if call or not path.isascii():
            return self.request("GET", path, **call)
        spec = self.spec
        request = Request("GET", self._url(path, spec), spec.headers, None, spec.options)
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
