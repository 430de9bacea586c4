"""The one process-wide object: which engine, which connections, which routes."""

from __future__ import annotations

import copy
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from onehttp.calls.revision import Revision
from onehttp.connections.background import BackgroundReload
from onehttp.connections.model import ConnectionSet, ConnectionSpec
from onehttp.connections.reload import Reload, next_revision
from onehttp.connections.source import ConnectionSource, Source
from onehttp.errors import (
    AlreadyInitialisedError,
    ConfigurationError,
    NotInitialisedError,
)
from onehttp.policies.clock import Clock
from onehttp.queries.counts import ShutdownReport
from onehttp.queries.limits import QueryLimits
from onehttp.queries.query import Query
from onehttp.queries.result import Start
from onehttp.queries.routes import Routes, RouteTarget
from onehttp.queries.scheduler import QueryScheduler
from onehttp.version import USER_AGENT
from onehttp_backends.contract import Backend, Request, TransferOptions
from onehttp_backends.registry import load

if TYPE_CHECKING:
    from onehttp.connections.file.secrets import Resolver

ADHOC_OPTIONS = TransferOptions(user_agent=USER_AGENT)
"""How URLs without a named connection are fetched. One object: engines pool by its identity."""


class Runtime:
    """A backend, the connections and the queries. Tests may make their own."""

    def __init__(
        self,
        backend: Backend,
        connections: ConnectionSet,
        routes: Routes,
        limits: QueryLimits,
        clock: Clock | None = None,
        source: ConnectionSource | None = None,
        declared: Mapping[str, ConnectionSpec] | None = None,
    ) -> None:
        self.backend = backend
        self.clock = clock or Clock()
        """What policies go by."""
        self.source = source or ConnectionSource(None)
        self.queries = QueryScheduler(backend, routes, limits, self.clock.timers)
        self._read = connections
        self._declared = dict(declared or {})
        self.revision = Revision(connections.beside(self._declared))
        """The connections in force. A reload replaces it in one assignment, so whoever reads it
        once has one whole revision."""

    def reload(self, source: Source = None) -> Reload:
        """Read the source again, and put what it says in force; calls under way end on the old.

        One thread at a time.

        Raises:
            ConfigurationError: a mistake; nothing has changed.
        """
        if source is None:
            self.source.check_is_there()
        return self._put_in_force(self.source.read(source))

    def declare(self, declared: Mapping[str, ConnectionSpec]) -> Reload:
        """Put other connections beside those of the source. One thread at a time."""
        self._declared = dict(declared)
        return self._put_in_force(self._read)

    def _put_in_force(self, read: ConnectionSet) -> Reload:
        before = self.revision
        connections, diff = next_revision(before.connections, read.beside(self._declared))
        self._read = read
        self.revision = Revision(connections, before)
        in_use = {id(spec.options) for spec in connections.values()}
        for spec in before.connections.values():
            if id(spec.options) not in in_use:
                self.backend.forget(spec.options)
        return diff

    def submit_request(
        self, request: Request, route: RouteTarget, xdata: object, start: Start | None = None
    ) -> Query:
        """See `QueryScheduler.submit`."""
        return self.queries.submit(request, route, xdata, start)

    def close(self, grace_s: float) -> ShutdownReport:
        """End the queries, then the engine."""
        return self.queries.close(grace_s)


class Process:
    """What this process has been initialised to: one `Runtime`, or none."""

    def __init__(self) -> None:
        self.runtime: Runtime | None = None
        self.routes = Routes()
        self._changing = threading.Lock()  # guards all of this: two first calls make one engine
        self._reloading = threading.Lock()  # guards the connections of the runtime
        self.background = BackgroundReload(self.reload)
        os.register_at_fork(after_in_child=self._renew_lock)
        self._declared: Mapping[str, ConnectionSpec] = {}
        self._settings: object = None
        self._place = ""
        self._was_shut_down = False

    def init(
        self,
        source: Source,
        connections: Mapping[str, Any] | None,
        backend: str | Backend,
        queries: QueryLimits,
        secrets: Mapping[str, Resolver] | None,
        settings: dict[str, Any],
        place: str,
    ) -> None:
        """See `onehttp.init`."""
        if isinstance(source, os.PathLike):
            source = os.fspath(source)
        wanted = (
            os.path.abspath(source) if isinstance(source, str) else copy.deepcopy(source),
            copy.deepcopy(connections),
            backend,
            queries,
            secrets,
            settings,
        )
        with self._changing:
            self._init(source, connections, backend, queries, secrets, settings, place, wanted)

    def _init(
        self,
        source: Source,
        connections: Mapping[str, Any] | None,
        backend: str | Backend,
        queries: QueryLimits,
        secrets: Mapping[str, Resolver] | None,
        settings: dict[str, Any],
        place: str,
        wanted: object,
    ) -> None:
        if self.runtime is not None:
            if wanted != self._settings:
                raise AlreadyInitialisedError(
                    f"onehttp is initialised already, with other settings, at {self._place}; "
                    "call onehttp.shutdown() first, or init() only once"
                )
            return
        configured = ConnectionSource(chosen_source(source, connections), secrets)
        specs = configured.read()
        engine = load(backend)(**settings) if isinstance(backend, str) else backend
        self._settings, self._place = wanted, place
        self.runtime = Runtime(
            engine, specs, self.routes, queries, source=configured, declared=self._declared
        )

    def _renew_lock(self) -> None:
        """In a forked child: whoever held the lock is not here."""
        self._changing = threading.Lock()
        self._reloading = threading.Lock()
        self.background.forget_lock()

    def reload(self, source: Source = None) -> Reload:
        """See `onehttp.reload`."""
        runtime = self.runtime
        if runtime is None:
            raise self.missing()
        with self._reloading:
            return runtime.reload(source)

    def declare(self, specs: Iterable[ConnectionSpec]) -> None:
        """See `onehttp.declare`."""
        with self._changing:
            self._declared = {spec.name: spec for spec in specs}
            runtime = self.runtime
            if runtime is not None:
                with self._reloading:
                    runtime.declare(self._declared)

    def files(self) -> frozenset[str]:
        """Every file that the connections in force were read from."""
        runtime = self.runtime
        return runtime.revision.connections.files if runtime else frozenset()

    def shutdown(self, grace_s: float) -> ShutdownReport:
        """See `onehttp.shutdown`."""
        with self._changing:
            runtime, self.runtime = self.runtime, None
            self._declared = {}
            self._was_shut_down = self._was_shut_down or runtime is not None
        return ShutdownReport() if runtime is None else runtime.close(grace_s)

    def missing(self) -> NotInitialisedError:
        """The error of a call without a runtime."""
        when = "was shut down" if self._was_shut_down else "is not initialised"
        return NotInitialisedError(f"onehttp {when}; call onehttp.init() first")


def chosen_source(source: Source, connections: Mapping[str, Any] | None) -> Source:
    """What `init` was given.

    Raises:
        ConfigurationError: both were given.
    """
    if source is not None and connections is not None:
        raise ConfigurationError("give connections as the first argument or as connections=")
    return source if source is not None else connections


def caller(depth: int) -> str:
    """``file:line`` of a calling frame."""
    frame = sys._getframe(depth)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
