"""A backend, the connections in force and the queries: everything that calls need."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

from onehttp.calls.around.hooks import NO_HOOKS, Hooks, WithHooks
from onehttp.calls.around.layered_engine import Surrounded
from onehttp.calls.carrier import Carrier
from onehttp.calls.revision import Revision
from onehttp.connections.model import ConnectionSet, ConnectionSpec, Notice
from onehttp.connections.reload import Reload, next_revision
from onehttp.connections.source import ConnectionSource, Source
from onehttp.policies.clock import Clock
from onehttp.policies.variants import VARIANTS
from onehttp.queries.counts import ShutdownReport
from onehttp.queries.limits import QueryLimits
from onehttp.queries.query import Query
from onehttp.queries.result import Start
from onehttp.queries.routes import Routes, RouteTarget
from onehttp.queries.scheduler import QueryScheduler
from onehttp_backends.contract import Backend, Request, TransferOptions
from onehttp_backends.optional.naming import Naming

_NEXT_START: Final = "how many queries there may be stays as it is until the process starts anew"


class Runtime:
    """Connections on one backend, with their queries. Tests may make their own."""

    def __init__(
        self,
        backend: Backend,
        connections: ConnectionSet,
        routes: Routes,
        limits: QueryLimits | None,
        clock: Clock | None = None,
        source: ConnectionSource | None = None,
        declared: Mapping[str, ConnectionSpec] | None = None,
        hooks: tuple[Hooks, ...] = NO_HOOKS,
    ) -> None:
        self.engine = backend
        if isinstance(backend, Naming):
            backend.limit_names(connections.names)
        self.clock = clock or Clock()
        """The clock of the policies."""
        self.backend: Backend = backend
        """The engine for calls, inside the layer of hooks if there are any."""
        if hooks:
            self.backend = Surrounded(backend, WithHooks(hooks), self.clock)
        self.source = source or ConnectionSource(None)
        self._limits = limits
        self._limits_in_force = limits or connections.adhoc.limits or QueryLimits()
        timers = self.clock.timers
        self.queries = QueryScheduler(self.backend, routes, self._limits_in_force, timers)
        self._read = connections
        self._declared = dict(declared or {})
        self.revision = Revision(connections.beside(self._declared))
        """The connections in force. A reload replaces it in one assignment, so whoever reads it
        once has one whole revision."""
        for each in hooks:
            if each.connection is not None and each.connection not in self.revision:
                raise self.revision.missing(each.connection)
        self.adhoc = connections.adhoc
        """How calls without a connection are made; replaced likewise."""
        self.carrier: Carrier | None = None
        """The `Carrier` that may take a query, if there is one."""

    def reload(self, source: Source = None) -> Reload:
        """Read the source again, and put the result in force. Calls in flight keep the old
        revision.

        Addresses of names are forgotten, even if nothing has changed. Only one thread may call this
        at a time.

        Raises:
            ConfigurationError: the source has a mistake; nothing has changed.
        """
        if source is None:
            self.source.check_is_there()
        diff = self._put_in_force(self.source.read(source))
        if isinstance(self.engine, Naming):
            self.engine.limit_names(self._read.names)
        return diff

    def declare(self, declared: Mapping[str, ConnectionSpec]) -> Reload:
        """Add connections beside those of the source. Only one thread may call this at a time."""
        self._declared = dict(declared)
        return self._put_in_force(self._read)

    def _put_in_force(self, read: ConnectionSet) -> Reload:
        before = self.revision
        connections, diff = next_revision(before.connections, read.beside(self._declared))
        self._read = read
        self.revision = Revision(connections, before)
        self.adhoc = connections.adhoc
        in_use = set(map(id, _options_of(connections)))
        for options in _options_of(before.connections):
            if id(options) not in in_use:
                self.engine.forget(options)
                for variant in VARIANTS.take(options):
                    self.engine.forget(variant)
        wanted = self._limits or connections.adhoc.limits or QueryLimits()
        if wanted != self._limits_in_force:
            notice = Notice(message=_NEXT_START, key="queries")
            return dataclasses.replace(diff, warnings=(*diff.warnings, notice))
        return diff

    def submit_request(
        self, request: Request, route: RouteTarget, xdata: object, start: Start | None = None
    ) -> Query:
        """See `QueryScheduler.submit`."""
        return self.queries.submit(request, route, xdata, start)

    def close(self, grace_s: float) -> ShutdownReport:
        """End the queries, then close the engine."""
        return self.queries.close(grace_s)


def _options_of(connections: ConnectionSet) -> list[TransferOptions]:
    adhoc = connections.adhoc
    named = [spec.options for spec in connections.values()]
    return [*named, adhoc.requests.options, adhoc.queries.options]
