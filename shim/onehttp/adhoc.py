"""Calls without a connection: what they go by, and their queries."""

from __future__ import annotations

from onehttp.calls.arguments import CallArguments, build_request
from onehttp.calls.around.tokens import tokens_around
from onehttp.calls.callback_driver import starts_following
from onehttp.queries.result import Start
from onehttp.runtime import Runtime
from onehttp_backends.contract import Backend, Request


def backend_of(runtime: Runtime, call: CallArguments) -> Backend:
    """The backend for a call without a connection."""
    return tokens_around(runtime.backend, call, runtime.clock)


def prepared(
    runtime: Runtime, method: str, url: str, call: CallArguments
) -> tuple[Request, Start | None]:
    """The request of a query without a connection, and what sends it; None: the engine.

    Raises:
        RequestError, TypeError: an argument is not fit to be sent.
    """
    adhoc = runtime.adhoc.queries
    wanted = build_request(method, url, adhoc.options, (), call)
    backend = backend_of(runtime, call)
    if hops := adhoc.hops(call.get("follow_redirects")):
        return wanted, starts_following(backend, runtime.clock, hops)
    return wanted, None if backend is runtime.backend else backend.submit
