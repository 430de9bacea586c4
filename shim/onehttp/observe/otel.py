"""Traces and metrics of OpenTelemetry: `instrument` makes spans of calls and of their attempts.

Needs the extra ``otel``, and for anything to be seen an SDK or a distribution that sets providers.

Source: OpenTelemetry semantic conventions 1.44, HTTP spans and HTTP metrics (stable parts).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from onehttp.control.tally import ADVISED_S
from onehttp.errors import ConfigurationError
from onehttp.observe.targets import (
    MANY,
    Target,
    Targets,
    in_names,
    known_method,
    outcome_attributes,
    redacted_url,
)
from onehttp.version import VERSION
from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.hints.extras import brought_by
from onehttp_backends.observed import Attempt, Call, Observer, leave, observe

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider


def instrument(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    propagate: bool | Collection[str] = False,
    call_id: Callable[[], str | None] | None = None,
) -> Instrumentation:
    """Make spans and metrics of the calls of this process from now on.

    Args:
        tracer_provider: the global one unless given.
        meter_provider: likewise.
        propagate: send the context along (``traceparent``, or what the global propagator says):
            on no call, on every call, or on those of the connections named (``""``: of none).
        call_id: the Call-ID of the SIP message that the calling thread works on, for the attribute
            ``sip.call_id``; ``onehttp_compat.call_id`` in scripts.

    Returns:
        What is told of calls; its `Instrumentation.stop` ends it.

    Raises:
        ConfigurationError: opentelemetry-api is not installed.
        ValueError: these providers are told of calls already, and would have each of them twice.
    """
    try:
        from opentelemetry import metrics, trace
    except ImportError:
        raise ConfigurationError(f"spans need opentelemetry-api: {brought_by('otel')}") from None
    if any(
        tracer_provider is tracers and meter_provider is meters
        for tracers, meters in _told.values()
    ):
        raise ValueError(
            "these providers are told of calls already; stop() what instrument() has returned first"
        )
    made = Instrumentation(
        trace.get_tracer("onehttp", VERSION, tracer_provider),
        metrics.get_meter("onehttp", VERSION, meter_provider),
        propagate,
        call_id,
    )
    _told[made] = tracer_provider, meter_provider
    observe(made)
    return made


class Instrumentation(Observer):
    """Tells OpenTelemetry of calls and attempts."""

    def __init__(
        self,
        tracer: Any,
        meter: Any,
        propagate: bool | Collection[str],
        call_id: Callable[[], str | None] | None,
    ) -> None:
        from opentelemetry import propagate as propagation
        from opentelemetry import trace

        self._tracer = tracer
        self._in_context = trace.set_span_in_context
        self._client = trace.SpanKind.CLIENT
        self._inject = propagation.inject
        self._propagate = propagate
        self._call_id = call_id
        self._failed = trace.Status(trace.StatusCode.ERROR)
        self._calls: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        self._targets = Targets()
        self._record = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=list(ADVISED_S),
        ).record

    def stop(self) -> None:
        """Tell it of nothing more. Spans that are open stay so."""
        leave(self)
        _told.pop(self, None)

    def call_begins(self, call: Call) -> None:
        method = known_method(call.request.method)
        of_call = self._calls.get((method, call.name))
        if of_call is None:
            of_call = self._calls_on(method, call.name)
        name, attributes = of_call
        if self._call_id is not None and (call_id := self._call_id()):
            attributes = {**attributes, "sip.call_id": call_id}
        span = self._tracer.start_span(name, attributes=attributes)
        if call.notes is None:
            call.notes = {}
        call.notes[self] = _Spans(span)

    def call_ends(self, call: Call, outcome: Outcome | None) -> None:
        spans: _Spans | None = (call.notes or {}).pop(self, None)
        if spans is None:  # begun before anybody watched
            return
        span = spans.call
        if span.is_recording():
            if call.attempts > 1:
                span.set_attribute("onehttp.attempts", call.attempts)
            self._tell(span, outcome_attributes(outcome))
        span.end()

    def attempt_begins(self, attempt: Attempt) -> None:
        call = attempt.call
        spans: _Spans | None = (call.notes or {}).get(self)
        if spans is None:
            return
        request = attempt.request
        spans.target = target = self._targets.of(request, call.name)
        propagate = self._propagate
        is_sent_along = propagate is True or (propagate and call.name in propagate)
        if not (spans.is_of_sdk or is_sent_along):  # the span would be dropped
            return
        attributes = {**target.attributes, "url.full": redacted_url(request.url)}
        if target.original is not None:
            attributes["http.request.method_original"] = target.original
        if attempt.number > 1:
            attributes["http.request.resend_count"] = attempt.number - 1
            attributes["onehttp.resend_reason"] = call.reason
        spans.attempt = span = self._tracer.start_span(
            in_names(target.method),
            context=self._in_context(spans.call),
            kind=self._client,
            attributes=attributes,
        )
        if is_sent_along:
            attempt.request = self._with_context(request, span)

    def attempt_ends(self, attempt: Attempt, outcome: Outcome | None) -> None:
        spans: _Spans | None = (attempt.call.notes or {}).get(self)
        if spans is None or spans.target is None:
            return
        span, target = spans.attempt, spans.target
        spans.attempt = spans.target = None
        self._record(time.perf_counter() - attempt.began, target.ended(outcome))
        if span is None:
            return
        if span.is_recording():
            of_outcome = outcome_attributes(outcome)
            if type(outcome) is Response and outcome.peer.host:
                host, port = outcome.peer
                of_outcome = {
                    **of_outcome, "network.peer.address": host, "network.peer.port": port
                }  # fmt: skip
            self._tell(span, of_outcome)
        span.end()

    def _calls_on(self, method: str, name: str) -> tuple[str, dict[str, Any]]:
        made = (
            f"{in_names(method)} {name}".rstrip(),
            {"http.request.method": method, "onehttp.connection": name},
        )
        if len(self._calls) < MANY:
            self._calls[method, name] = made
        return made

    def _tell(self, span: Any, attributes: Mapping[str, Any]) -> None:
        span.set_attributes(attributes)
        if "error.type" in attributes:
            span.set_status(self._failed)

    def _with_context(self, request: Request, span: Any) -> Request:
        carrier: dict[str, str] = {}
        self._inject(carrier, self._in_context(span))
        given = {name.lower() for name, _ in request.headers}
        added = [(name, value) for name, value in carrier.items() if name.lower() not in given]
        return request._replace(headers=(*request.headers, *added))


class _Spans:
    """The open spans of a call: its own, and that of the attempt under way."""

    __slots__ = ("attempt", "call", "is_of_sdk", "target")

    def __init__(self, span: Any) -> None:
        self.call = span
        self.is_of_sdk = span.is_recording() or span.get_span_context().is_valid
        """Without an SDK a span is of no trace; with one, also one that is not sampled is."""
        self.attempt: Any = None
        self.target: Target | None = None


_told: dict[Instrumentation, tuple[TracerProvider | None, MeterProvider | None]] = {}
"""Those that are not stopped, with the providers that each was given."""
