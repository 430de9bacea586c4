"""A named connection in use: calls on it set nothing but what differs from call to call."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from onehttp.calls.arguments import NO_ARGUMENTS, PLAIN, CallArguments
from onehttp.calls.around.layers import backend_for
from onehttp.calls.callback_driver import CourseTransfer
from onehttp.calls.carrier import Asked
from onehttp.calls.course import ChainCall, policed
from onehttp.calls.drivers import PolicedCall, aperform_policed, perform_policed
from onehttp.calls.named_call import NamedCall, request_on
from onehttp.calls.policy_state import PolicyCounters
from onehttp.calls.revision import ReadyConnection, Revision
from onehttp.calls.together import built, perform_together, start_together, starts_of
from onehttp.connections.model import ConnectionSpec
from onehttp.cookies.jar import CookieJar
from onehttp.durable.submitting import taken
from onehttp.errors import OnehttpError
from onehttp.policies.deadline import Deadline
from onehttp.runtime import Runtime
from onehttp.streams.on_connection import StreamsOnConnection
from onehttp.streams.stream_call import is_streamed
from onehttp.stripped_tracebacks import of_others, strip_traceback
from onehttp_backends.contract import Backend, Outcome, Request, Response, Transfer, plain_request
from onehttp_backends.observed import started
from onehttp_backends.optional.batching import NONE_BRIEF
from onehttp_backends.rules.plain_calls import plain_call

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from onehttp.queries.query import Query
    from onehttp.queries.result import Start
    from onehttp.queries.routes import RouteTarget
    from onehttp_backends.optional.batching import OnEnd

K = TypeVar("K")


class Connection(StreamsOnConnection):
    """One connection of the configuration, by name. It follows a reload: each call reads the
    definition then in force once, and ends on it.

    All methods take by position a ``target`` relative to the connection's URL (``base + "/" +
    target``, one slash in between; ``""`` is the base itself, ``"?a=b"`` a query on it), and the
    keywords of `CallArguments`; ``api.get("/number/{number}", path={"number": n})`` quotes what
    stands in it.

    Raises (all methods):
        TransferError: the call gave no response.
        TypeError: a keyword that no call has; the message says which is meant.
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

    @property
    def cookies(self) -> CookieJar | None:
        """What its servers have set, in memory; None: it keeps none (``cookies: true``).

        Raises:
            UnknownConnectionError: a reload has removed it.
        """
        return self._runtime.revision[self.name].jar

    def __repr__(self) -> str:
        return f"<Connection {self.name}>"

    @strip_traceback
    def request(self, method: str, target: str = "", /, **call: Unpack[CallArguments]) -> Response:
        """Perform one request on this connection in the calling thread."""
        return self._perform(method, target, call)

    @strip_traceback
    def arequest(
        self, method: str, target: str = "", /, **call: Unpack[CallArguments]
    ) -> Coroutine[Any, Any, Response]:
        """The same, awaitable; the arguments are checked by the call."""
        return self._aperform(method, target, call)

    @strip_traceback
    def submit(
        self,
        method: str,
        target: str = "",
        /,
        *,
        route: RouteTarget = None,
        xdata: object = None,
        queue: str | None = None,
        key: str | None = None,
        **call: Unpack[CallArguments],
    ) -> Query:
        """Start one request; its `Result` goes to ``route`` on a worker thread."""
        runtime = self._runtime
        if queue is not None or key is not None or runtime.carrier is not None:
            asked = Asked(self.name, method, target, call)
            if (query := taken(runtime, asked, route, xdata, queue, key)) is not None:
                return query
        request, start = self.prepared(method, target, call)
        return runtime.submit_request(request, route, xdata, start)

    def prepared(
        self, method: str, target: str, call: CallArguments
    ) -> tuple[Request, Start | None]:
        """The request that a query with these arguments sends first, and what sends it; None: the
        engine."""
        revision = self._runtime.revision
        ready = revision[self.name]
        backend = self._backend_of(revision, ready, call)
        if ready.is_plain and not call.get("follow_redirects"):
            sends = None if backend is self._backend else backend.submit
            return request_on(ready, method, target, call), sends
        named = NamedCall(method, target, call).settled(ready)
        start = partial(self._start_policed, revision, ready, named, backend=backend)
        return named.on(ready), start

    def perform_all(
        self,
        calls: Iterable[tuple[K, NamedCall]],
        width: int,
        on_done: OnEnd[K],
        brief: frozenset[int] = NONE_BRIEF,
    ) -> None:
        """Perform many in the calling thread, ``width`` at a time, by the definition in force now.

        Each is taken when there is room for it; ``on_done`` gets its key with its outcome, in the
        order of their ends. Neither should take long: see `Batching`.
        """
        revision = self._runtime.revision
        ready = revision[self.name]
        if ready.is_plain:
            perform_together(self._backend, built(calls, ready, on_done), width, on_done, brief)
            return
        backend = self._backend_of(revision, ready)
        start = partial(self._start_policed, revision, ready, backend=backend)
        start_together(starts_of(calls, ready, on_done, start), width, on_done)

    @strip_traceback
    def send(self, call: ChainCall) -> Response:
        """Perform a call that makes its own request, by the policies of this connection."""
        revision = self._runtime.revision
        ready = revision[self.name]
        at_once = not call.hops_on(ready) and ready.begins_at_once
        return perform_policed(
            self._policed(revision, ready, call.on(ready), lambda: call, at_once)
        )

    @strip_traceback
    def build(self, method: str, target: str = "", /, **call: Unpack[CallArguments]) -> Request:
        """The `Request` that a call with these arguments performs first."""
        return request_on(self._runtime.revision[self.name], method, target, call)

    def _start_policed(
        self,
        revision: Revision,
        ready: ReadyConnection,
        call: ChainCall,
        request: Request,
        on_done: Callable[[Outcome], None],
        backend: Backend | None = None,
    ) -> Transfer:
        clock = self._runtime.clock
        course = policed(revision, ready, request, call, Deadline(request, clock))

        def start(done: Callable[[Outcome], None]) -> Transfer:
            return CourseTransfer(course, backend or self._backend, clock, done).start()

        return started(request, start, on_done)

    def _perform(self, method: str, target: str, call: CallArguments) -> Response:
        revision = self._runtime.revision
        ready = revision[self.name]
        if PLAIN.issuperset(call) and ready.is_plain and not revision.surrounds:  # as most are
            spec, url = ready.spec, ready.url(target)
            if (request := plain_call(method, url, spec.options, call, spec.headers)) is not None:
                return self._backend.perform(request)
        if is_streamed(call):
            return self._streamed(method, target, call).perform()
        if ready.is_plain and not call.get("follow_redirects"):
            backend = self._backend_of(revision, ready, call)
            return backend.perform(request_on(ready, method, target, call))
        return perform_policed(self._begun(revision, ready, method, target, call))

    def _aperform(
        self, method: str, target: str, call: CallArguments
    ) -> Coroutine[Any, Any, Response]:
        if is_streamed(call):
            return self._streamed(method, target, call).aperform()
        revision = self._runtime.revision
        ready = revision[self.name]
        if ready.is_plain and not call.get("follow_redirects"):
            backend = self._backend_of(revision, ready, call)
            return backend.aperform(request_on(ready, method, target, call))
        return aperform_policed(self._begun(revision, ready, method, target, call))

    def _begun(
        self,
        revision: Revision,
        ready: ReadyConnection,
        method: str,
        target: str,
        call: CallArguments,
    ) -> PolicedCall:
        """A call that policies concern."""
        named = NamedCall(method, target, call).settled(ready)
        at_once = ready.begins_at_once and not call.get("follow_redirects")
        request, backend = named.on(ready), self._backend_of(revision, ready, call)
        return self._policed(revision, ready, request, lambda: named, at_once, backend)

    def _backend_of(
        self, revision: Revision, ready: ReadyConnection, call: CallArguments = NO_ARGUMENTS
    ) -> Backend:
        if not revision.surrounds and "auth" not in call:  # as for most: spares a call
            return self._backend
        return backend_for(self._backend, revision, ready, call, self._runtime.clock)

    def _policed(
        self,
        revision: Revision,
        ready: ReadyConnection,
        request: Request,
        make_call: Callable[[], ChainCall],
        begins_at_once: bool,
        backend: Backend | None = None,
    ) -> PolicedCall:
        if backend is None:
            backend = self._backend_of(revision, ready) if revision.surrounds else self._backend
        clock = self._runtime.clock
        return PolicedCall(backend, clock, revision, ready, request, make_call, begins_at_once)

    # The verbs. Written out, since they are the hot target and what people read.
    def get(self, target: str = "", /, **call: Unpack[CallArguments]) -> Response:
        """GET ``target``."""
        try:
            if call or not target.isascii():
                return self._perform("GET", target, call)
            revision = self._runtime.revision
            ready = revision[self.name]
            spec = ready.spec
            request = plain_request("GET", ready.url(target), spec.headers, spec.options)
            if ready.is_plain:
                return self._backend.perform(request)
            at_once = ready.begins_at_once
            return perform_policed(
                self._policed(revision, ready, request, partial(NamedCall, "GET", target), at_once)
            )
        except (OnehttpError, TypeError) as error:
            del target, call  # what `strip_traceback` does, without a call more
            raise error.with_traceback(of_others(error)) from error.__cause__

    @strip_traceback
    def head(self, target: str = "", /, **call: Unpack[CallArguments]) -> Response:
        """HEAD ``target``."""
        return self._perform("HEAD", target, call)

    def post(self, target: str = "", /, **call: Unpack[CallArguments]) -> Response:
        """POST to ``target``."""
        try:
            return self._perform("POST", target, call)
        except (OnehttpError, TypeError) as error:
            del target, call
            raise error.with_traceback(of_others(error)) from error.__cause__

    @strip_traceback
    def put(self, target: str = "", /, **call: Unpack[CallArguments]) -> Response:
        """PUT to ``target``."""
        return self._perform("PUT", target, call)

    @strip_traceback
    def patch(self, target: str = "", /, **call: Unpack[CallArguments]) -> Response:
        """PATCH ``target``."""
        return self._perform("PATCH", target, call)

    @strip_traceback
    def delete(self, target: str = "", /, **call: Unpack[CallArguments]) -> Response:
        """DELETE ``target``."""
        return self._perform("DELETE", target, call)

    @strip_traceback
    def aget(
        self, target: str = "", /, **call: Unpack[CallArguments]
    ) -> Coroutine[Any, Any, Response]:
        """GET ``target``, awaitable."""
        return self._aperform("GET", target, call)

    @strip_traceback
    def ahead(
        self, target: str = "", /, **call: Unpack[CallArguments]
    ) -> Coroutine[Any, Any, Response]:
        """HEAD ``target``, awaitable."""
        return self._aperform("HEAD", target, call)

    @strip_traceback
    def apost(
        self, target: str = "", /, **call: Unpack[CallArguments]
    ) -> Coroutine[Any, Any, Response]:
        """POST to ``target``, awaitable."""
        return self._aperform("POST", target, call)

    @strip_traceback
    def aput(
        self, target: str = "", /, **call: Unpack[CallArguments]
    ) -> Coroutine[Any, Any, Response]:
        """PUT to ``target``, awaitable."""
        return self._aperform("PUT", target, call)

    @strip_traceback
    def apatch(
        self, target: str = "", /, **call: Unpack[CallArguments]
    ) -> Coroutine[Any, Any, Response]:
        """PATCH ``target``, awaitable."""
        return self._aperform("PATCH", target, call)

    @strip_traceback
    def adelete(
        self, target: str = "", /, **call: Unpack[CallArguments]
    ) -> Coroutine[Any, Any, Response]:
        """DELETE ``target``, awaitable."""
        return self._aperform("DELETE", target, call)
