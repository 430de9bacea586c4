"""Traces and metrics of OpenTelemetry: `instrument` makes spans of calls and of their attempts.

Needs ``onehttp[otel]``, and for anything to be seen an SDK or a distribution that sets providers.

Source: OpenTelemetry semantic conventions 1.44, HTTP spans and HTTP metrics (stable parts).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from onehttp.control.tally import ADVISED_S, failure_name
from onehttp.errors import ConfigurationError
from onehttp.version import VERSION
from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.observed import Attempt, Call, Observer, leave, observe
from onehttp_backends.secret_values import shown_url

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

KNOWN_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"}
)
_PORTS: Final = {"http": 80, "https": 443}
_REDACTED: Final = "REDACTED"


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
    """
    try:
        from opentelemetry import metrics, trace
    except ImportError:
        raise ConfigurationError(
            "spans need opentelemetry-api: pip install 'onehttp[otel]'"
        ) from None
    made = Instrumentation(
        trace.get_tracer("onehttp", VERSION, tracer_provider),
        metrics.get_meter("onehttp", VERSION, meter_provider),
        propagate,
        call_id,
    )
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
        self._trace = trace
        self._inject = propagation.inject
        self._propagate = propagate
        self._call_id = call_id
        self._failed = trace.Status(trace.StatusCode.ERROR)
        self._duration = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=list(ADVISED_S),
        )

    def stop(self) -> None:
        """Tell it of nothing more. Spans that are open stay so."""
        leave(self)

    def call_begins(self, call: Call) -> None:
        attributes = {"http.request.method": _method(call.request), "onehttp.connection": call.name}
        if self._call_id is not None and (call_id := self._call_id()):
            attributes["sip.call_id"] = call_id
        name = f"{attributes['http.request.method']} {call.name}".rstrip()
        span = self._tracer.start_span(name, attributes=attributes)
        if call.notes is None:
            call.notes = {}
        call.notes[self] = span

    def call_ends(self, call: Call, outcome: Outcome | None) -> None:
        span = (call.notes or {}).pop(self, None)
        if span is None:  # begun before anybody watched
            return
        if call.attempts > 1:
            span.set_attribute("onehttp.attempts", call.attempts)
        self._end(span, outcome_attributes(outcome))

    def attempt_begins(self, attempt: Attempt) -> None:
        call = attempt.call
        parent = (call.notes or {}).get(self)
        if parent is None:
            return
        request = attempt.request
        attributes = target_attributes(request)
        attributes["onehttp.connection"] = call.name
        if attempt.number > 1:
            attributes["http.request.resend_count"] = attempt.number - 1
            attributes["onehttp.resend_reason"] = call.reason
        context = self._trace.set_span_in_context(parent)
        span = self._tracer.start_span(
            attributes["http.request.method"],
            context=context,
            kind=self._trace.SpanKind.CLIENT,
            attributes={**attributes, "url.full": redacted_url(request.url)},
        )
        assert call.notes is not None
        call.notes[self, "attempt"] = (span, attributes)
        propagate = self._propagate
        if propagate is True or (propagate and call.name in propagate):
            attempt.request = self._with_context(request, span)

    def attempt_ends(self, attempt: Attempt, outcome: Outcome | None) -> None:
        begun = (attempt.call.notes or {}).pop((self, "attempt"), None)
        if begun is None:
            return
        seconds = time.perf_counter() - attempt.began
        span, attributes = begun
        of_outcome = outcome_attributes(outcome)
        for name in ("http.request.method_original", "http.request.resend_count",
                     "onehttp.resend_reason"):  # fmt: skip
            attributes.pop(name, None)
        self._duration.record(seconds, {**attributes, **of_outcome})
        if isinstance(outcome, Response) and outcome.peer.host:
            of_outcome["network.peer.address"] = outcome.peer.host
            of_outcome["network.peer.port"] = outcome.peer.port
        self._end(span, of_outcome)

    def _end(self, span: Any, attributes: Mapping[str, Any]) -> None:
        if span.is_recording():
            span.set_attributes(attributes)
            if "error.type" in attributes:
                span.set_status(self._failed)
        span.end()

    def _with_context(self, request: Request, span: Any) -> Request:
        carrier: dict[str, str] = {}
        self._inject(carrier, self._trace.set_span_in_context(span))
        given = {name.lower() for name, _ in request.headers}
        added = [(name, value) for name, value in carrier.items() if name.lower() not in given]
        return request._replace(headers=(*request.headers, *added))


def target_attributes(request: Request) -> dict[str, Any]:
    """Whom a request is for."""
    method = _method(request)
    attributes: dict[str, Any] = {"http.request.method": method}
    if method == "_OTHER":
        attributes["http.request.method_original"] = request.method
    try:
        parts = urlsplit(request.url)
        host, port = parts.hostname, parts.port
    except ValueError:  # no engine will take it
        return attributes
    attributes["server.address"] = host or ""
    attributes["server.port"] = port or _PORTS.get(parts.scheme.lower(), 0)
    return attributes


def outcome_attributes(outcome: Outcome | None) -> dict[str, Any]:
    """What came of a call or an attempt."""
    if not isinstance(outcome, Response):
        return {"error.type": failure_name(outcome)}
    attributes: dict[str, Any] = {"http.response.status_code": outcome.status}
    if outcome.http_version:
        attributes["network.protocol.version"] = outcome.http_version
    if outcome.status >= 400:
        attributes["error.type"] = str(outcome.status)
    return attributes


def redacted_url(url: str) -> str:
    """A URL without credentials and fragment, and with the names alone of its query; segments that
    are long enough to be a token are cut short."""
    query = url.partition("#")[0].partition("?")[2]
    shown = shown_url(url)
    if not query:
        return shown
    named = [part.partition("=") for part in query.split("&")]
    return f"{shown}?" + "&".join(
        f"{name[:40]}={_REDACTED}" if equals else _REDACTED for name, equals, _ in named
    )


def _method(request: Request) -> str:
    return request.method if request.method in KNOWN_METHODS else "_OTHER"
