"""What it costs a call to be counted for metrics, and to be made spans of.

With an SDK of OpenTelemetry nearly all of it is the SDK's, so its row stands beside the same spans
and the same measurement made by hand.
"""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, set_span_in_context

from benchmarks.measure import Row, cpu_us_per_call, interleaved
from onehttp.control.tally import ADVISED_S, Tally
from onehttp.observe.otel import Instrumentation, instrument
from onehttp_backends.contract import Request, Response
from onehttp_backends.observed import is_on, leave, observe, performed

REQUEST = Request("GET", "http://127.0.0.1:8080/small")
ANSWER = Response(200, [b"HTTP/1.1 200 OK\r\n"], b"x" * 100, REQUEST.url, "1.1")
CALLS = 20_000


def observing(rounds: int) -> list[Row]:
    """Around an exchange that costs nothing, so that it is the difference that is seen."""
    tally, spans = Tally(), instrument()
    leave(spans)
    traced, by_hand = with_an_sdk()
    leave(traced)

    def call() -> None:
        performed(_perform, REQUEST) if is_on() else _perform(REQUEST)

    def watched(observer: Tally | Instrumentation) -> float:
        observe(observer)
        try:
            return cpu_us_per_call(call, CALLS)()
        finally:
            leave(observer)

    found = interleaved(
        {
            "off": cpu_us_per_call(call, CALLS),
            "counted": lambda: watched(tally),
            "spans": lambda: watched(spans),
            "an SDK's": lambda: watched(traced),
            "by hand": cpu_us_per_call(by_hand, CALLS),
        },
        rounds,
    )
    off = found["off"]
    return [
        Row("counted for metrics, more than a call that is not, over 3 us",
            found["counted"] - off, 3.0, "us", "1.0", "0.5"),
        Row("spans by the API of OpenTelemetry without an SDK, likewise",
            found["spans"] - off, 3.0, "us", "-", "1.0"),
        Row("spans and duration with an SDK, likewise, over the same made by hand",
            found["an SDK's"] - off, found["by hand"] - off, "us", "-", "1.25"),
    ]  # fmt: skip


def with_an_sdk() -> tuple[Instrumentation, Callable[[], None]]:
    """Ours on an SDK that keeps every span and exports none, and the same by hand: two spans and a
    measurement, with attributes that are ready."""
    tracers = TracerProvider(shutdown_on_exit=False)
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    spans = instrument(tracer_provider=tracers, meter_provider=meters)
    tracer, duration = tracers.get_tracer("by hand"), meters.get_meter("by hand").create_histogram(
        "duration", explicit_bucket_boundaries_advisory=list(ADVISED_S)
    )  # fmt: skip
    called: dict[str, str | int] = {"http.request.method": "GET", "onehttp.connection": ""}
    target: dict[str, str | int] = {**called, "server.address": "127.0.0.1", "server.port": 8080}
    came_to: dict[str, str | int] = {
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
    }

    def by_hand() -> None:
        call = tracer.start_span("GET", attributes=called)
        attempt = tracer.start_span(
            "GET",
            context=set_span_in_context(call),
            kind=SpanKind.CLIENT,
            attributes={**target, "url.full": REQUEST.url},
        )
        _perform(REQUEST)
        duration.record(0.001, {**target, **came_to})
        attempt.set_attributes(came_to)
        attempt.end()
        call.set_attributes(came_to)
        call.end()

    return spans, by_hand


def _perform(request: Request) -> Response:
    return ANSWER
