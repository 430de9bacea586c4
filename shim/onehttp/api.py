"""The functions of the API, on the one runtime of this process. ``onehttp`` exports all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from onehttp.adhoc import backend_of, prepared
from onehttp.calls.arguments import PLAIN, CallArguments, build_request
from onehttp.calls.around.hooks import HookSource, hooks_of
from onehttp.calls.carrier import Asked
from onehttp.calls.drivers import aperform_following, perform_following
from onehttp.connections.model import ConnectionSet, ConnectionSpec
from onehttp.connections.reload import Reload
from onehttp.connections.source import Source
from onehttp.durable.submitting import taken
from onehttp.errors import OnehttpError
from onehttp.named_connection import Connection
from onehttp.process import caller
from onehttp.process import process as process
from onehttp.queries.counts import QueryStats, ShutdownReport
from onehttp.queries.limits import QueryLimits
from onehttp.queries.query import Query
from onehttp.queries.result import Start
from onehttp.queries.routes import RouteTarget
from onehttp.runtime import Runtime
from onehttp.settings import BackendSettings, Settings, chosen_source
from onehttp.streams.stream_call import is_streamed
from onehttp.streams.ways import call_on_none
from onehttp.stripped_tracebacks import of_others, strip_traceback
from onehttp_backends.contract import Backend, Request, Response, Stats
from onehttp_backends.hints.keywords import explained
from onehttp_backends.rules.plain_calls import plain_call

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from onehttp.connections.background import Told
    from onehttp.connections.watch import Watch


@strip_traceback
def init(
    source: Source = None,
    *,
    connections: Mapping[str, Any] | None = None,
    backend: str | Backend = "pycurl",
    queries: QueryLimits | None = None,
    secrets: Mapping[str, Callable[[str], str]] | None = None,
    hooks: HookSource = None,
    control: str | os.PathLike[str] | None = None,
    **settings: Unpack[BackendSettings],
) -> None:
    """Choose the engine and the connections of this process, once.

    Again with the same settings it does nothing. No handle, socket or thread is made before
    the first call.

    Args:
        source: path of a ``connections.yaml``, or a mapping of the same shape.
        connections: the mapping, by keyword.
        backend: ``"pycurl"``, ``"httpx"`` (the test double), another registered name, or a
            ready `Backend`.
        queries: limits of what `submit` starts, instead of those that the file gives.
        secrets: further kinds of references in the file: ``{"vault": fetch}`` resolves
            ``${vault:NAME}`` by ``fetch("NAME")``, which raises LookupError for what it lacks.
        hooks: functions called around each attempt, of all calls or of one connection; see `Hooks`.
        control: a directory for a control socket, by which ``onehttp ctl`` and ``onehttp top`` ask
            this process; ``ONEHTTP_CONTROL`` unless given. No socket is made without either.
        **settings: passed to the backend; see `BackendSettings`.

    Raises:
        TypeError: unknown keyword; the message suggests the right one.
        AlreadyInitialisedError: initialised before with other settings; the message says where.
        ConfigurationError: the connections cannot be used; ``errors`` lists every mistake.
    """
    chosen = chosen_source(source, connections)
    given = Settings(chosen, backend, queries, secrets, hooks_of(hooks), dict(settings), control)
    process.init(given, caller(3))


@explained
def shutdown(grace_s: float = 0.0) -> ShutdownReport:
    """End everything that runs, after waiting up to ``grace_s`` seconds for it. `init` may follow.

    Every query ends: with its answer if that comes in time, else with a `CancelledError`. Routes
    that have not begun by then are not run; their transactions are resumed without them.
    """
    return process.shutdown(grace_s)


@strip_traceback
@explained
def reload(source: Source = None) -> Reload:
    """Read the connections again and put them in force in one step.

    The new set is checked completely first, certificates and keys included. Calls under way finish
    on the old set. Unchanged connections keep their open sockets; changed certificates and keys are
    never used on an old one. All host names are looked up again. Blocks while it reads files: from
    asyncio, call it by ``asyncio.to_thread``.

    Args:
        source: replaces the file or mapping that `init` was given, from now on; None keeps it.

    Returns:
        What was added, removed and changed.

    Raises:
        ConfigurationError: a mistake; nothing has changed. ``errors`` holds all of them.
        NotInitialisedError: before `init`.
    """
    return process.reload(source)


@explained
def reload_on_sighup() -> None:
    """Reload on SIGHUP, on a thread of its own; the log ``onehttp.reload`` gets the outcome.

    Replaces the signal's present handler.

    Raises:
        ValueError: not called in the main thread.
    """
    import signal

    signal.signal(signal.SIGHUP, lambda _number, _frame: process.background.request())


@explained
def watch(on_reload: Told = None) -> Watch:
    """Reload when a file changes: the source, what it includes, certificates, secrets.

    Needs the extra ``watch``. In a forked child it has to be called again.

    Args:
        on_reload: called after each reload with its `Reload`, or with the error that refused it.
            The log ``onehttp.reload`` gets them in any case.

    Returns:
        The watch; call its ``stop()`` to end it.

    Raises:
        NotInitialisedError: before `init`.
    """
    from onehttp.connections.background import BackgroundReload
    from onehttp.connections.watch import Watch

    _runtime()
    return Watch(BackgroundReload(process.reload, on_reload), process.files)


@explained
def is_initialised() -> bool:
    """Whether `init` was called, and `shutdown` not since."""
    return process.runtime is not None


def request(method: str, url: str, **call: Unpack[CallArguments]) -> Response:
    """Perform one request in the calling thread.

        response = onehttp.request("POST", "https://api.example/calls", json={"to": number})

    Args:
        **call: headers, path, params, body or json or form (and files), auth, cookies, timeout,
            max_body, max_upload, progress, follow_redirects; see `CallArguments`.

    Raises:
        TransferError: there is no response; ``code`` is libcurl's number for the reason.
        RequestError: an argument cannot be sent; nothing was.
        TypeError: unknown keyword; the message suggests the right one.
        NotInitialisedError: before `init`.
    """
    runtime = process.runtime
    if runtime is None:
        raise process.missing()
    try:
        adhoc = runtime.adhoc.requests
        if (not call or PLAIN.issuperset(call)) and not adhoc.max_redirects:
            wanted = plain_call(method, url, adhoc.options, call)
            if wanted is not None:
                return runtime.backend.perform(wanted)
        if is_streamed(call):
            return call_on_none(runtime, method, url, call).perform()
        wanted = build_request(method, url, adhoc.options, (), call)
        if ("follow_redirects" in call or adhoc.max_redirects) and (
            hops := adhoc.hops(call.get("follow_redirects"))
        ):
            return perform_following(backend_of(runtime, call), wanted, hops)
        return backend_of(runtime, call).perform(wanted)
    except (OnehttpError, TypeError) as error:
        del url, call  # what `strip_traceback` does, without a call more
        wanted = None
        raise error.with_traceback(of_others(error)) from error.__cause__


def arequest(method: str, url: str, **call: Unpack[CallArguments]) -> Coroutine[Any, Any, Response]:
    """`request`, awaitable: ``response = await onehttp.arequest("GET", url)``.

    The running event loop drives the engine. Arguments are checked at once, before the ``await``.
    """
    runtime = process.runtime
    if runtime is None:
        raise process.missing()
    try:
        adhoc = runtime.adhoc.requests
        if (not call or PLAIN.issuperset(call)) and not adhoc.max_redirects:
            wanted = plain_call(method, url, adhoc.options, call)
            if wanted is not None:
                return runtime.backend.aperform(wanted)
        if is_streamed(call):
            return call_on_none(runtime, method, url, call).aperform()
        wanted = build_request(method, url, adhoc.options, (), call)
        if ("follow_redirects" in call or adhoc.max_redirects) and (
            hops := adhoc.hops(call.get("follow_redirects"))
        ):
            return aperform_following(backend_of(runtime, call), wanted, hops)
        return backend_of(runtime, call).aperform(wanted)
    except (OnehttpError, TypeError) as error:
        del url, call
        wanted = None
        raise error.with_traceback(of_others(error)) from error.__cause__


@strip_traceback
def submit(
    method: str,
    url: str,
    *,
    route: RouteTarget = None,
    xdata: object = None,
    queue: str | None = None,
    key: str | None = None,
    **call: Unpack[CallArguments],
) -> Query:
    """Start one request and return at once; its `Result` goes to ``route`` on a worker thread.

    The route has the context variables of this call. Inside ``with onehttp.transaction(tx)`` the
    transaction is suspended now, and resumed with the route running in it.

    Args:
        route: a function, or the name of one (`route`, `routes_in`); None runs none.
        xdata: any object; comes back as ``result.xdata``.
        queue: store the request in this durable queue, from which ``onehttp worker`` sends it. The
            query returned has its id there (`Query.stored`), and never gets an answer.
        key: with a queue: requests with the same key are sent in the order of their submission.
        **call: as for `request`. The time limit starts now and includes waiting for a slot.

    Raises:
        UnknownRouteError, RequestError, QueueFullError, QueueStoreError, TransactionError: nothing
            was sent or stored, and no transaction is suspended.
        TypeError: unknown keyword.
    """
    runtime = _runtime()
    if queue is not None or key is not None or runtime.carrier is not None:
        asked = Asked("", method, url, call)
        if (query := taken(runtime, asked, route, xdata, queue, key)) is not None:
            return query
    wanted, start = prepared(runtime, method, url, call)
    return runtime.submit_request(wanted, route, xdata, start)


@explained
def connection(name: str) -> Connection:
    """The named connection: ``onehttp.connection("api").get("/health")``.

    Raises:
        UnknownConnectionError: no such name; the message suggests the nearest.
    """
    runtime = _runtime()
    return Connection(runtime, runtime.revision[name].spec.name)


@explained
def connections() -> ConnectionSet:
    """The connections in force, by name; read-only.

    ``print(onehttp.connections())`` shows name, URL, revision and place in the file of each.
    """
    return _runtime().revision.connections


@explained
def declare(specs: Iterable[ConnectionSpec]) -> None:
    """Define connections in code, replacing those of an earlier `declare`.

    They survive reloads. Where the file has a connection of the same name, the file's is used. May
    be called before `init`; `shutdown` forgets them.
    """
    process.declare(specs)


@strip_traceback
@explained
def submit_request(
    request: Request,
    *,
    route: RouteTarget = None,
    xdata: object = None,
    start: Start | None = None,
) -> Query:
    """`submit` a ready-made `Request`. ``start`` sends it; by default the engine does."""
    return _runtime().submit_request(request, route, xdata, start)


def perform(request: Request) -> Response:
    """Send a ready-made `Request` on the engine of this process, without policies or redirects.

    Raises:
        TransferError: there is no response.
    """
    runtime = process.runtime
    if runtime is None:
        raise process.missing()
    return runtime.engine.perform(request)


@explained
def backend() -> Backend:
    """The engine of this process."""
    return _runtime().engine


@explained
def stats() -> Stats:
    """The counters of the engine."""
    return _runtime().engine.stats()


@explained
def query_stats() -> QueryStats:
    """The counters of this process's queries."""
    return _runtime().queries.stats()


@explained
def drain(timeout_s: float | None = None) -> bool:
    """Wait until every query has ended. False: some have not after ``timeout_s`` seconds."""
    return _runtime().queries.drain(timeout_s)


def _runtime() -> Runtime:
    runtime = process.runtime
    if runtime is None:
        raise process.missing()
    return runtime
