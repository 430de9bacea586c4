"""A named connection in use: calls on it set nothing but what differs from call to call."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from onehttp.calls.arguments import HeaderSource, TimeoutSource
from onehttp.calls.callback_driver import CourseTransfer
from onehttp.calls.course import LineCall, policed
from onehttp.calls.drivers import aperform_policed, perform_policed
from onehttp.calls.named_call import NamedCall, request_on
from onehttp.calls.policy_state import PolicyCounters
from onehttp.connections.model import ConnectionSpec
from onehttp.policies.deadline import Deadline
from onehttp.runtime import Runtime
from onehttp.urls import ParamSource
from onehttp_backends.contract import Outcome, Request, Response, Transfer

if TYPE_CHECKING:
    from onehttp.queries.query import Query
    from onehttp.queries.routes import RouteTarget


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
        return self._runtime.revision[self.name].spec

    @property
    def counters(self) -> PolicyCounters:
        """What the policies of this connection have done so far, and its circuit's state.

        Raises:
            UnknownConnectionError: a reload has removed it.
        """
        policies = self._runtime.revision[self.name].policies
        return PolicyCounters() if policies is None else policies.counters()

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
        revision = self._runtime.revision
        ready = revision[self.name]
        given = (headers, params, body, json, form, timeout)
        if ready.is_plain and not follow_redirects:
            return self._backend.perform(request_on(ready, method, path, *given))
        call = NamedCall(method, path, *given, follow_redirects).settled(ready)
        return perform_policed(
            self._backend,
            self._runtime.clock,
            revision,
            ready,
            call.on(ready),
            lambda: call,
            ready.begins_at_once and not follow_redirects,
        )

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
        revision = self._runtime.revision
        ready = revision[self.name]
        given = (headers, params, body, json, form, timeout)
        if ready.is_plain and not follow_redirects:
            return self._backend.aperform(request_on(ready, method, path, *given))
        call = NamedCall(method, path, *given, follow_redirects).settled(ready)
        return aperform_policed(
            self._backend,
            self._runtime.clock,
            revision,
            ready,
            call.on(ready),
            lambda: call,
            ready.begins_at_once and not follow_redirects,
        )

    def submit(
        self,
        method: str,
        path: str = "",
        *,
        route: RouteTarget = None,
        xdata: object = None,
        follow_redirects: bool | None = None,
        **call: Any,
    ) -> Query:
        """Start one request; its `Result` goes to ``route`` on a worker thread."""
        runtime = self._runtime
        revision = runtime.revision
        ready = revision[self.name]
        if ready.is_plain and not follow_redirects:
            return runtime.submit_request(request_on(ready, method, path, **call), route, xdata)
        named = NamedCall(method, path, follow_redirects=follow_redirects, **call).settled(ready)

        def start(request: Request, on_done: Callable[[Outcome], None]) -> Transfer:
            deadline = Deadline(request, runtime.clock)
            course = policed(revision, ready, request, named, deadline)
            return CourseTransfer(course, self._backend, runtime.clock, on_done).start()

        return runtime.submit_request(named.on(ready), route, xdata, start)

    def send(self, call: LineCall) -> Response:
        """Perform a call that makes its own request, by the policies of this connection."""
        revision = self._runtime.revision
        ready = revision[self.name]
        return perform_policed(
            self._backend,
            self._runtime.clock,
            revision,
            ready,
            call.on(ready),
            lambda: call,
            not call.hops_on(ready) and ready.begins_at_once,
        )

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
        ready = self._runtime.revision[self.name]
        return request_on(ready, method, path, headers, params, body, json, form, timeout)

    # The verbs. Written out, since they are the hot path and what people read.

    def get(self, path: str = "", **call: Any) -> Response:
        """GET ``path``."""
        if call or not path.isascii():
            return self.request("GET", path, **call)
        revision = self._runtime.revision
        ready = revision[self.name]
        spec = ready.spec
        request = Request("GET", ready.url(path), spec.headers, None, spec.options)
        if ready.is_plain:
            return self._backend.perform(request)
        return perform_policed(
            self._backend,
            self._runtime.clock,
            revision,
            ready,
            request,
            partial(NamedCall, "GET", path),
            ready.begins_at_once,
        )

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
