"""What Prometheus is shown of calls: of each way, once, whatever names and servers say."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

import onehttp
from onehttp import lowlevel
from onehttp.api import process
from onehttp.control.tally import tally
from onehttp.observe import metrics
from onehttp.observe.metrics import expose, label
from servers.patience import PATIENCE_S
from servers.raw import RawServer
from stand_ins.connected import connected
from stand_ins.processes import output


@pytest.fixture
def server(engine: str) -> Iterator[RawServer]:
    def connections(url: str) -> dict[str, Any]:
        retry = {"attempts": 3, "backoff": {"base": 0.0001}}
        circuit_breaker = {"failures": 3, "open_for": 600}
        sure = {"url": url, "retry": retry, "circuit_breaker": circuit_breaker}
        return {"api": {"url": url}, "sure": sure}

    with connected(engine, connections) as running:
        yield running


@pytest.fixture
def registry() -> Iterator[CollectorRegistry]:
    tally().start_anew()
    made = CollectorRegistry()
    exposed = expose(made)
    yield made
    exposed.stop()


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    # A scrape, and not a look at one sample: that is what brings the registry up to date.
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return None


def test_calls_of_every_way_are_counted_by_connection_method_code_and_outcome(
    server: RawServer, registry: CollectorRegistry
) -> None:
    api = onehttp.connection("api")
    api.get("/x")
    asyncio.run(_awaited(api))
    api.submit("GET", "/x").result(PATIENCE_S)
    api.get("/404")
    api.post("/503", body=b"x")
    onehttp.request("GET", f"{server.url}/x")
    kind = {"connection": "api", "method": "GET", "code": "200", "outcome": "ok"}
    assert value(registry, "onehttp_requests_total", **kind) == 3
    kind |= {"code": "404", "outcome": "client_error"}
    assert value(registry, "onehttp_requests_total", **kind) == 1
    kind |= {"code": "503", "outcome": "server_error", "method": "POST"}
    assert value(registry, "onehttp_requests_total", **kind) == 1
    counted = "onehttp_request_duration_seconds"
    of = {"connection": "api", "method": "GET"}
    assert value(registry, f"{counted}_count", **of) == 4
    assert value(registry, f"{counted}_bucket", **of, le="+Inf") == 4
    seconds = value(registry, f"{counted}_sum", **of)
    assert seconds is not None
    assert 0 < seconds < 4 * PATIENCE_S
    assert value(registry, f"{counted}_count", connection="", method="GET") == 1
    assert value(registry, "onehttp_body_bytes_total", connection="api") == 6
    assert value(registry, "onehttp_requests_in_flight", connection="api") in (0, None)
    opened = value(registry, "onehttp_connections_opened_total")
    assert opened
    assert opened >= 1


async def _awaited(api: onehttp.Connection) -> None:
    await api.aget("/x")


def test_failures_retries_and_circuits_are_shown(
    server: RawServer, registry: CollectorRegistry
) -> None:
    sure = onehttp.connection("sure")
    assert sure.get("/503").status == 503
    with pytest.raises(onehttp.CircuitOpenError):
        sure.get("/503")
    with pytest.raises(onehttp.TransferError) as cut:
        onehttp.connection("api").post("/cut", body=b"x")
    of = {"connection": "sure"}
    assert value(registry, "onehttp_resends_total", **of, reason="retry") == 2
    assert value(registry, "onehttp_breaker_state", **of) == 2
    assert value(registry, "onehttp_breaker_opened_total", **of) == 1
    assert value(registry, "onehttp_held_back_total", **of, how="circuit_refused") == 1
    assert cut.value.sent is onehttp.Sent.MAYBE
    assert value(registry, "onehttp_sent_maybe_total", connection="api", method="POST") == 1
    assert cut.value.phase is not None
    what = f"{type(cut.value).__name__}.{cut.value.phase.value}"
    kind = {"method": "POST", "code": f"curl_{cut.value.code}", "outcome": what}
    assert value(registry, "onehttp_requests_total", connection="api", **kind) == 1


def test_a_call_under_way_is_in_flight(api: str, registry: CollectorRegistry) -> None:
    with RawServer(lambda peer: peer.wait_for_close()) as silent:
        query = onehttp.submit("GET", f"{silent.url}/x", timeout=PATIENCE_S)
        assert value(registry, "onehttp_requests_in_flight", connection="") == 1
        assert value(registry, "onehttp_queue_length") == 1
        query.cancel()
        query.result(PATIENCE_S)
    assert value(registry, "onehttp_requests_in_flight", connection="") == 0


def test_methods_and_codes_that_somebody_else_invents_make_few_series(
    server: RawServer, registry: CollectorRegistry
) -> None:
    for number in range(20):
        onehttp.request(f"EVIL{number}", f"{server.url}/{700 + number}")
    kind = {"connection": "", "method": "_OTHER", "code": "7xx", "outcome": "server_error"}
    assert value(registry, "onehttp_requests_total", **kind) == 20


def test_reloads_are_counted_and_a_refused_one_leaves_the_revision(
    server: RawServer, registry: CollectorRegistry
) -> None:
    onehttp.reload({"version": 1, "connections": {"new": {"url": server.url}}})
    with pytest.raises(onehttp.ConfigurationError):
        onehttp.reload({"version": 1, "connections": {"new": {}}})
    assert value(registry, "onehttp_config_revision") == 2
    assert value(registry, "onehttp_config_reloads_total", outcome="done") >= 1  # type: ignore[operator]
    assert value(registry, "onehttp_config_reloads_total", outcome="refused") >= 1  # type: ignore[operator]


HOSTILE = ['"} evil{a="', "new\nline", "back\\slash", "\udcff", "€" * 300, "", "\0", 'x"', "{}"]


@given(st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(codec=None), max_size=300)))
def test_any_text_is_a_label_that_comes_back_as_it_went_in(text: str) -> None:
    registry = CollectorRegistry()
    from prometheus_client import Counter

    Counter("x", "", ["name"], registry=registry).labels(label(text)).inc()
    shown = generate_latest(registry).decode()
    samples = [s for f in text_string_to_metric_families(shown) for s in f.samples]
    assert [s.labels["name"] for s in samples if s.name == "x_total"] == [label(text)]


def test_a_legacy_call_is_counted_by_function_and_place(registry: CollectorRegistry) -> None:
    hostile = {"module": "utils", "function": "http_query", "path": '/a/ev"il\udcff\n.py'}
    sites: list[dict[str, Any]] = [{**hostile, "line": 3, "calls": 2}]
    lowlevel.tell_part("legacy_calls", lambda: sites)
    site = {"module": "utils", "function": "http_query", "site": 'ev"il?\n.py:3'}
    assert value(registry, "onehttp_legacy_calls_total", **site) == 2
    sites[0]["calls"] = 5
    assert value(registry, "onehttp_legacy_calls_total", **site) == 5


def test_without_the_library_it_says_what_to_install() -> None:
    told = output(
        """
        import sys
        sys.modules["prometheus_client"] = None
        from onehttp.observe import metrics
        try:
            metrics.expose()
        except Exception as error:
            print(type(error).__name__, error)
        """
    )
    assert told.startswith("ConfigurationError metrics need prometheus_client: the extra 'metrics'")


def test_exposing_twice_in_one_registry_is_refused(registry: CollectorRegistry) -> None:
    with pytest.raises(ValueError, match="Duplicated"):
        metrics.expose(registry)
    generate_latest(registry)


def test_what_a_runtime_has_counted_stays_when_it_ends_and_another_begins(
    engine: str, registry: CollectorRegistry
) -> None:
    def connections(url: str) -> dict[str, Any]:
        breaker = {"failures": 1, "open_for": 600}
        return {"api": {"url": url}, "sure": {"url": url, "circuit_breaker": breaker}}

    made = 0
    for queries in (2, 5, 1):  # a later one of more, too, and of fewer, and nobody scrapes between
        with connected(engine, connections):
            for _ in range(queries):
                assert onehttp.connection("api").submit("GET", "/x").result(PATIENCE_S)
            for _ in range(1 + queries):
                with contextlib.suppress(onehttp.CircuitOpenError):
                    onehttp.connection("sure").get("/500")
            assert process.runtime is not None
            made += process.runtime.backend.stats().connections_opened
            onehttp.shutdown()
    assert value(registry, "onehttp_queries_total", outcome="completed") == 8
    held_back = {"connection": "sure", "how": "circuit_refused"}
    assert value(registry, "onehttp_held_back_total", **held_back) == 8
    assert value(registry, "onehttp_breaker_opened_total", connection="sure") == 3
    opened = value(registry, "onehttp_connections_opened_total")
    assert opened == made > 0
    assert value(registry, "onehttp_connections_open") == 0
