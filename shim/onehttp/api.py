"""The functions of the API, on the one runtime of this process; ``onehttp`` itself has them all."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from onehttp.adhoc import backend_of, prepared
from onehttp.calls.arguments import METHODS_WITHOUT_BODY, PLAIN, CallArguments, build_request
from onehttp.calls.around.hooks import HookSource, hooks_of
from onehttp.calls.carrying import Asked
from onehttp.calls.drivers import aperform_following, perform_following
from onehttp.connections.model import ConnectionSet, ConnectionSpec
from onehttp.connections.reload import Reload
from onehttp.connections.source import Source
from onehttp.discreet import discreet, of_others
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
from onehttp_backends.contract import Backend, Request, Response, Stats, plain_request
from onehttp_backends.hints.keywords import explained

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from onehttp.connections.background import Told
    from onehttp.connections.watch import Watch


@discreet
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
        hooks: functions around each attempt, of all calls or of one connection; see `Hooks`.
        control: a directory for control sockets, where ``onehttp ctl`` and ``onehttp top`` ask this
            process; what ``ONEHTTP_CONTROL`` names unless given. None is made where neither does.
        **settings: handed to the backend; see `BackendSettings`.

    Raises:
        TypeError: a keyword that neither this nor the backend has; says which is meant.
        AlreadyInitialisedError: initialised before with other settings; names the place.
        ConfigurationError: the connections are not as they should be.
    """
    chosen = chosen_source(source, connections)
    given = Settings(chosen, backend, queries, secrets, hooks_of(hooks), dict(settings), control)
    process.init(given, caller(3))


@explained
def shutdown(grace_s: float = 0.0) -> ShutdownReport:
    """End what runs, waiting up to ``grace_s`` seconds for it. `init` may follow.

    Every query ends: with its answer if that comes within the grace, else with a
    `CancelledError`. Routes that are not begun by then are not run: their transactions go on
    without.
    """
    return process.shutdown(grace_s)


@discreet
@explained
def reload(source: Source = None) -> Reload:
    """Read the connections again and put them in force in one step.

    The new set is checked whole first, certificates and keys included. Calls under way end on the
    old set; unchanged connections keep their kept-alive sockets, and changed TLS material never
    meets a socket of the old. Addresses are forgotten, so that names are asked for anew. Blocks for
    as long as reading takes: from asyncio, call it by ``asyncio.to_thread``.

    Args:
        source: another file or mapping from now on; None: the one that `init` was given.

    Returns:
        What was added, removed and changed.

    Raises:
        ConfigurationError: a mistake; nothing has changed. ``errors`` holds all of them.
        NotInitialisedError: before `init`.
    """
    return process.reload(source)


@explained
def reload_on_sighup() -> None:
    """Reload on SIGHUP, on a thread of its own; the outcome goes to the log ``onehttp.reload``.

    Takes the place of the handler that was there.

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
        on_reload: is called after each reload with its `Reload`, or the error that refused it; the
            log ``onehttp.reload`` has them in any case.

    Returns:
        The watch; its ``stop()`` ends it.

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

    Args:
        **call: the keywords of `CallArguments`: headers, path, params, one of body, json and form,
            auth, cookies, timeout, max_body, follow_redirects.

    Raises:
        TransferError: no response; ``code`` is libcurl's.
        RequestError: an argument is not fit to be sent.
        TypeError: a keyword that no call has; the message says which is meant.
        NotInitialisedError: before `init`.
    """
    runtime = process.runtime
    if runtime is None:
        raise process.missing()
    try:
        adhoc = runtime.adhoc.requests
        if (
            not call
            and not adhoc.max_redirects
            and type(method) is type(url) is str
            and method in METHODS_WITHOUT_BODY
            and url.isascii()
        ):
            return runtime.backend.perform(plain_request(method, url, (), adhoc.options))
        if call.keys() <= PLAIN and not adhoc.max_redirects:
            return runtime.backend.perform(build_request(method, url, adhoc.options, (), call))
        if is_streamed(call):
            return call_on_none(runtime, method, url, call).perform()
        wanted = build_request(method, url, adhoc.options, (), call)
        if ("follow_redirects" in call or adhoc.max_redirects) and (
            hops := adhoc.hops(call.get("follow_redirects"))
        ):
            return perform_following(backend_of(runtime, call), wanted, hops)
        return backend_of(runtime, call).perform(wanted)
    except (OnehttpError, TypeError) as error:
        del url, call  # what `discreet` does, without a call more
        raise error.with_traceback(of_others(error)) from error.__cause__


def arequest(method: str, url: str, **call: Unpack[CallArguments]) -> Coroutine[Any, Any, Response]:
    """`request`, awaitable; the running event loop drives the engine.

    The arguments are checked by the call, before anything is awaited.
    """
    runtime = process.runtime
    if runtime is None:
        raise process.missing()
    try:
        adhoc = runtime.adhoc.requests
        if call.keys() <= PLAIN and not adhoc.max_redirects:
            return runtime.backend.aperform(build_request(method, url, adhoc.options, (), call))
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
        raise error.with_traceback(of_others(error)) from error.__cause__


@discreet
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

    The route sees the context variables of this call. Inside ``with onehttp.transaction(tx)`` the
    transaction is suspended and the route runs in it, when it goes on.

    Args:
        route: a function, or the name of one (`route`, `routes_in`); None: none is run.
        xdata: anything; comes back as ``result.xdata``.
        queue: store it in this durable queue instead, from which ``onehttp worker`` sends it;
            `Query.stored` is its id there, and what this returns has no answer.
        key: messages of one key are sent in the order in which they came.
        **call: as for `request`; a time limit counts from here, waiting for a slot included.

    Raises:
        UnknownRouteError, RequestError, QueueFullError, QueueStoreError, TransactionError: nothing
            was sent or stored, and no transaction is suspended.
        TypeError: a keyword that no call has.
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
    """The named connection.

    Raises:
        UnknownConnectionError: no such name; suggests the nearest.
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
    """Offer connections that no file has, instead of those declared before.

    They are named, listed and survive reloads like the others; of a name that the file has, too,
    the file's is meant. May be called before `init`; `shutdown` forgets them.
    """
    process.declare(specs)


@discreet
@explained
def submit_request(
    request: Request,
    *,
    route: RouteTarget = None,
    xdata: object = None,
    start: Start | None = None,
) -> Query:
    """`submit` of a request exactly as described; ``start`` sends it, the engine unless given."""
    return _runtime().submit_request(request, route, xdata, start)


def perform(request: Request) -> Response:
    """One exchange exactly as described, on the process's engine: no policy, no redirects.

    Raises:
        TransferError: no response.
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
    """The engine's account of itself."""
    return _runtime().engine.stats()


@explained
def query_stats() -> QueryStats:
    """What became of the queries of this process."""
    return _runtime().queries.stats()


@explained
def drain(timeout_s: float | None = None) -> bool:
    """Wait until every query has ended; False: some have not after ``timeout_s`` seconds."""
    return _runtime().queries.drain(timeout_s)


def _runtime() -> Runtime:
    runtime = process.runtime
    if runtime is None:
        raise process.missing()
    return runtime
