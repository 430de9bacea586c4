"""The two kinds of streamed calls: on a named connection, and without one."""

from __future__ import annotations

from functools import partial

from onehttp.calls.arguments import CallArguments, build_request
from onehttp.calls.around.layers import backend_for
from onehttp.calls.around.tokens import tokens_around
from onehttp.calls.drivers import (
    PolicedCall,
    aperform_following,
    aperform_policed,
    perform_following,
    perform_policed,
)
from onehttp.calls.named_call import NamedCall
from onehttp.calls.revision import ReadyConnection, Revision
from onehttp.policies.held_permits import Keeper
from onehttp.runtime import Runtime
from onehttp.streams.stream_call import StreamCall
from onehttp_backends.contract import Backend, Request, Response


def call_on_none(runtime: Runtime, method: str, url: str, call: CallArguments) -> StreamCall:
    """Return a call to a whole URL, without a connection."""
    return StreamCall(runtime.backend, partial(AdhocWay, runtime, method, url), call)


def call_on(
    runtime: Runtime, revision: Revision, name: str, method: str, path: str, call: CallArguments
) -> StreamCall:
    """Return a call on a named connection."""
    make_way = partial(NamedWay, runtime, revision, revision[name], method, path)
    return StreamCall(runtime.backend, make_way, call)


class AdhocWay:
    """See `call_on_none`."""

    __slots__ = ("_call", "_hops", "clock", "request")

    def __init__(self, runtime: Runtime, method: str, url: str, call: CallArguments) -> None:
        adhoc = runtime.adhoc.requests
        self.clock = runtime.clock
        self._call = call
        self._hops = adhoc.hops(call.get("follow_redirects"))
        self.request: Request = build_request(method, url, adhoc.options, (), call)

    def perform(self, backend: Backend, keeper: Keeper) -> Response:
        """See `Way`."""
        backend = tokens_around(backend, self._call, self.clock)
        if self._hops:
            return perform_following(backend, self.request, self._hops)
        return backend.perform(self.request)

    async def aperform(self, backend: Backend, keeper: Keeper) -> Response:
        """See `Way`."""
        backend = tokens_around(backend, self._call, self.clock)
        if self._hops:
            return await aperform_following(backend, self.request, self._hops)
        return await backend.aperform(self.request)


class NamedWay:
    """See `call_on`."""

    __slots__ = ("_call", "_named", "_ready", "_revision", "clock", "request")

    def __init__(
        self,
        runtime: Runtime,
        revision: Revision,
        ready: ReadyConnection,
        method: str,
        path: str,
        call: CallArguments,
    ) -> None:
        self.clock = runtime.clock
        self._revision = revision
        self._ready = ready
        self._call = call
        self._named = NamedCall(method, path, call).settled(ready)
        self.request: Request = self._named.on(ready)

    def perform(self, backend: Backend, keeper: Keeper) -> Response:
        """See `Way`."""
        return perform_policed(self._policed(backend, keeper))

    async def aperform(self, backend: Backend, keeper: Keeper) -> Response:
        """See `Way`."""
        return await aperform_policed(self._policed(backend, keeper))

    def _policed(self, backend: Backend, keeper: Keeper) -> PolicedCall:
        ready, clock = self._ready, self.clock
        at_once = ready.begins_at_once and not self._call.get("follow_redirects")
        backend = backend_for(backend, self._revision, ready, self._call, clock)
        return PolicedCall(
            backend,
            clock,
            self._revision,
            ready,
            self.request,
            lambda: self._named,
            at_once,
            keeper,
        )
