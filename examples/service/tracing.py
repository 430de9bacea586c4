"""Spans: of each request that the service gets, and of the calls that it makes meanwhile.

What is traced its callers decide, by the ``traceparent`` they send (or do not). Where spans go is
the affair of an exporter; here it is a file, a span a line.
"""

from __future__ import annotations

import os
from contextvars import ContextVar

from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from starlette.types import ASGIApp, Receive, Scope, Send

from onehttp.observe import otel

provider = TracerProvider(sampler=ParentBased(root=ALWAYS_OFF))
_tracer = trace.get_tracer("service", tracer_provider=provider)
_call_id: ContextVar[str | None] = ContextVar("call_id", default=None)


def trace_calls() -> otel.Instrumentation:
    """Trace the calls of this process, and tell the backends which trace they belong to."""
    if file := os.environ.get("TRACES"):
        exporter = ConsoleSpanExporter(
            out=open(file, "a", buffering=1),  # noqa: SIM115 - for as long as the process lasts
            formatter=lambda span: span.to_json(indent=None) + "\n",
        )
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    return otel.instrument(tracer_provider=provider, propagate=True, call_id=_call_id.get)


class Traced:
    """Middleware: a span for each request, in the trace of who asks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        _call_id.set(headers.get("call-id"))
        with _tracer.start_as_current_span(
            scope["method"], propagate.extract(headers), trace.SpanKind.SERVER
        ):
            await self._app(scope, receive, send)
