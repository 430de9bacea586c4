"""Chooses the layers around the exchanges of a call."""

from __future__ import annotations

from onehttp.calls.arguments import CallArguments
from onehttp.calls.around.alternatives import WithAlternatives
from onehttp.calls.around.cookies import WithCookies
from onehttp.calls.around.layered_engine import Surrounded
from onehttp.calls.around.tokens import with_tokens
from onehttp.calls.revision import ReadyConnection, Revision
from onehttp.policies.clock import Clock
from onehttp_backends.contract import Backend


def backend_for(
    backend: Backend, revision: Revision, ready: ReadyConnection, call: CallArguments, clock: Clock
) -> Backend:
    """Return the backend for a call on ``ready`` with these arguments; it is ``backend`` itself if
    no layer is needed."""
    goes_on = bool(ready.spec.failover)
    if (
        ready.alternatives or (goes_on and revision.alternatives)
    ) and "http3" in backend.capabilities:
        backend = Surrounded(backend, WithAlternatives(revision.alternatives), clock)
    if ready.jar is not None or (goes_on and revision.jars):
        backend = Surrounded(backend, WithCookies(revision.jars), clock)
    if "auth" in call:
        backend = with_tokens(backend, call["auth"], clock)
    return backend
