"""Spans and metrics of OpenTelemetry: one span a call, one an attempt, by the conventions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult

import onehttp
from onehttp.control.tally import ADVISED_S
from onehttp.observe import otel
from onehttp.observe.targets import MANY, Targets, redacted_url
from onehttp_backends.contract import Request
from servers.patience import PATIENCE_S
from servers.raw import RawServer
from stand_ins.connected import as_asked, connected
from stand_ins.processes import output


@pytest.fixture
def server(engine: str) -> Iterator[RawServer]:
    def connections(url: str) -> dict[str, Any]:
        retry = {"attempts": 2, "backoff": {"base": 0.0001}}
        return {"api": {"url": url}, "sure": {"url": url, "redirects": 3, "retry": retry}}

    with connected(engine, connections) as running:
        yield running


class Seen:
    """What a tracer and a meter of a test are told."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader])
        self._made: list[otel.Instrumentation] = []

    def instrument(self, **arguments: Any) -> None:
        made = otel.instrument(
            tracer_provider=self.tracers, meter_provider=self.meters, **arguments
        )
        self._made.append(made)

    def stop(self) -> None:
        for each in self._made:
            each.stop()

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        finished: tuple[ReadableSpan, ...] = self._spans.get_finished_spans()
        return finished

    @property
    def attempts(self) -> list[ReadableSpan]:
        return [span for span in self.spans if span.kind is trace.SpanKind.CLIENT]

    @property
    def call(self) -> ReadableSpan:
        (span,) = (span for span in self.spans if span.kind is trace.SpanKind.INTERNAL)
        return span

    def points(self, name: str) -> list[Any]:
        told = self._reader.get_metrics_data()
        assert told is not None
        return [
            point
            for resource in told.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def seen() -> Iterator[Seen]:
    made = Seen()
    yield made
    made.stop()


def blocking(path: str, name: str = "api") -> object:
    return onehttp.connection(name).get(path)


def awaited(path: str, name: str = "api") -> object:
    async def wait() -> object:
        return await onehttp.connection(name).aget(path)

    return asyncio.run(wait())


def submitted(path: str, name: str = "api") -> object:
    result = onehttp.connection(name).submit("GET", path).result(PATIENCE_S)
    if result.error:
        raise result.error
    return result.response


@pytest.fixture(params=[blocking, awaited, submitted], ids=lambda way: way.__name__)
def way(request: pytest.FixtureRequest) -> Callable[..., object]:
    chosen: Callable[..., object] = request.param
    return chosen


def test_a_call_is_a_span_in_the_callers_and_its_attempt_one_in_it(
    server: RawServer, seen: Seen, way: Callable[..., object]
) -> None:
    seen.instrument()
    tracer = seen.tracers.get_tracer("test")
    with tracer.start_as_current_span("caller") as caller:
        way("/x?token=s3cr3t&flag")
    call, (attempt,) = seen.spans[1], seen.attempts
    assert (call.name, attempt.name) == ("GET api", "GET")
    assert call.parent is not None
    assert attempt.parent is not None
    assert call.parent.span_id == caller.get_span_context().span_id
    assert call.context is not None
    assert attempt.parent.span_id == call.context.span_id
    told = dict(attempt.attributes or {})
    assert told.pop("network.peer.port") == server.port
    assert told == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "network.peer.address": "127.0.0.1",
        "network.protocol.version": "1.1",
        "onehttp.connection": "api",
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "url.full": f"{server.url}/x?token=REDACTED&REDACTED",
    }
    assert attempt.status.is_unset


@pytest.mark.parametrize(("path", "reason"), [("/503", "retry"), ("/moved", "redirect")])
def test_what_is_sent_again_is_a_span_of_its_own(
    server: RawServer, seen: Seen, way: Callable[..., object], path: str, reason: str
) -> None:
    seen.instrument()
    way(path, "sure")
    first, second = (dict(span.attributes or {}) for span in seen.attempts)
    assert "http.request.resend_count" not in first
    assert (second["http.request.resend_count"], second["onehttp.resend_reason"]) == (1, reason)
    assert dict(seen.call.attributes or {})["onehttp.attempts"] == 2
    (point, *others) = seen.points("http.client.request.duration")
    assert sum(each.count for each in [point, *others]) == 2
    assert tuple(point.explicit_bounds) == ADVISED_S


def test_failures_have_a_status_and_a_type_of_few_values(
    server: RawServer, seen: Seen, way: Callable[..., object]
) -> None:
    seen.instrument()
    with pytest.raises(onehttp.TransferError) as cut:
        onehttp.connection("api").post("/cut", body=b"x")
    way("/503")
    failed, busy = seen.attempts
    assert cut.value.phase is not None
    kind = f"{type(cut.value).__name__}.{cut.value.phase.value}"
    assert (failed.attributes or {})["error.type"] == kind
    assert (busy.attributes or {})["error.type"] == "503"
    assert {span.status.status_code for span in seen.spans} == {trace.StatusCode.ERROR}


@pytest.mark.parametrize(
    ("propagate", "is_sent"), [(False, False), (True, True), (["api"], True), (["other"], False)]
)
def test_the_context_is_sent_where_asked(
    server: RawServer, seen: Seen, way: Callable[..., object], propagate: Any, is_sent: bool
) -> None:
    seen.instrument(propagate=propagate)
    way("/x")
    (sent,) = server.requests
    (attempt,) = seen.attempts
    assert attempt.context is not None
    expected = (
        f"\r\ntraceparent: 00-{attempt.context.trace_id:032x}-{attempt.context.span_id:016x}-"
    )
    assert (expected.encode() in sent.lower()) is is_sent
    assert (b"traceparent" in sent.lower()) is is_sent


def test_a_traceparent_of_the_caller_stays(server: RawServer, seen: Seen) -> None:
    seen.instrument(propagate=True)
    onehttp.connection("api").get("/x", headers=[("TraceParent", "mine")])
    assert server.requests[0].lower().count(b"traceparent") == 1
    assert b"mine" in server.requests[0]


def test_the_call_id_of_a_sip_message_is_an_attribute_of_the_call(
    server: RawServer, seen: Seen
) -> None:
    ids = iter(["a84b4c76e66710", None])
    seen.instrument(call_id=lambda: next(ids))
    blocking("/x")
    blocking("/x")
    told = [(span.attributes or {}).get("sip.call_id") for span in seen.spans]
    assert told == [None, "a84b4c76e66710", None, None]


def test_unknown_methods_share_a_name(server: RawServer, seen: Seen) -> None:
    seen.instrument()
    onehttp.request("BREW", f"{server.url}/x")
    (attempt,) = seen.attempts
    assert {span.name for span in seen.spans} == {"HTTP"}
    assert (attempt.attributes or {})["http.request.method"] == "_OTHER"
    assert (attempt.attributes or {})["http.request.method_original"] == "BREW"
    (point,) = seen.points("http.client.request.duration")
    assert point.attributes["http.request.method"] == "_OTHER"
    assert "http.request.method_original" not in point.attributes


def test_without_an_sdk_the_context_of_the_caller_is_sent_on(server: RawServer) -> None:
    made = otel.instrument(propagate=True)
    sampled = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    received = trace.NonRecordingSpan(
        trace.SpanContext(0xA, 0xB, is_remote=True, trace_flags=sampled)
    )
    try:
        with trace.use_span(received):
            blocking("/x")
        blocking("/x")
    finally:
        made.stop()
    with_context, without = server.requests
    assert f"traceparent: 00-{0xA:032x}-{0xB:016x}-01\r\n".encode() in with_context
    assert b"traceparent" not in without


def test_what_is_not_sampled_is_measured_and_says_so_where_it_goes(
    server: RawServer, seen: Seen
) -> None:
    seen.tracers.sampler = ALWAYS_OFF
    seen.instrument(propagate=True)
    blocking("/x")
    assert seen.spans == ()
    assert re.search(rb"traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-0[02]\r\n", server.requests[0])
    (point,) = seen.points("http.client.request.duration")
    assert point.count == 1


def test_a_sampler_may_leave_out_calls_and_keep_attempts(server: RawServer, seen: Seen) -> None:
    class ClientsAlone(Sampler):
        def should_sample(
            self,
            parent_context: Any,
            trace_id: int,
            name: str,
            kind: Any = None,
            *_: Any,
            **__: Any,
        ) -> SamplingResult:
            is_kept = kind is trace.SpanKind.CLIENT
            return SamplingResult(Decision.RECORD_AND_SAMPLE if is_kept else Decision.DROP)

        def get_description(self) -> str:
            return "clients alone"

    seen.tracers.sampler = ClientsAlone()
    seen.instrument()
    blocking("/x")
    assert [span.kind for span in seen.spans] == [trace.SpanKind.CLIENT]


def test_many_servers_and_statuses_are_told_apart(server: RawServer, seen: Seen) -> None:
    seen.instrument()
    with RawServer(as_asked) as other:
        for running in (server, other, server):
            onehttp.request("GET", f"{running.url}/503")
            onehttp.request("GET", f"{running.url}/x")
    told = [dict(span.attributes or {}) for span in seen.attempts]
    assert [(each["server.port"], each["http.response.status_code"]) for each in told] == [
        (port, status) for port in (server.port, other.port, server.port) for status in (503, 200)
    ]
    points = seen.points("http.client.request.duration")
    assert sorted((p.attributes["server.port"], p.attributes["http.response.status_code"], p.count)
                  for p in points) == sorted(
        (port, status, count) for port, count in ((server.port, 2), (other.port, 1))
        for status in (200, 503)
    )  # fmt: skip


def test_each_server_is_reported_even_beyond_the_cache() -> None:
    targets = Targets()
    for _ in range(2):
        for number in range(MANY + 1):
            request = Request("GET", f"http://h{number}.example/x")
            assert targets.of(request, "").attributes["server.address"] == f"h{number}.example"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://a.example/x", "http://a.example/x"),
        ("http://u:p@a.example:81/x#f", "http://a.example:81/x"),
        ("https://[::1]:81/a/b-c_d.e/%41", "https://[::1]:81/a/b-c_d.e/%41"),
        ("http://a.example", "http://a.example"),
        ("http://a.example?s3cr3t=/x", "http://a.example?s3cr3t=REDACTED"),
        ("HTTP://A.example/x#f", "HTTP://A.example/x"),
        ("http://a.example/x?key=1&key=2#f", "http://a.example/x?key=REDACTED&key=REDACTED"),
        ("http://a.example/x?s3cr3t", "http://a.example/x?REDACTED"),
        ("http://a.example/hook/T0123456789ABCDEF0123456789", "http://a.example/hook/T012..."),
    ],
)
def test_no_secret_is_in_a_url(url: str, shown: str) -> None:
    assert redacted_url(url) == shown


def test_without_the_library_it_says_what_to_install() -> None:
    told = output(
        """
        import sys
        sys.modules["opentelemetry"] = None
        from onehttp.observe import otel
        try:
            otel.instrument()
        except Exception as error:
            print(type(error).__name__, error)
        """
    )
    assert told.startswith("ConfigurationError spans need opentelemetry-api: the extra 'otel'")


def test_the_same_providers_are_not_told_twice(seen: Seen) -> None:
    seen.instrument()
    with pytest.raises(ValueError, match="told of calls already"):
        seen.instrument()
    seen.stop()
    seen.instrument()
