"""The metrics themselves: names, labels, and how those of several processes become one."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from onehttp.control.tally import ADVISED_S


class Families:
    """All of them, in one registry. No URL is ever a label.

    Source: names and labels as Prometheus' naming conventions ask, bounds of the histogram as
    OpenTelemetry's conventions for HTTP clients.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"onehttp_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str, how: Any = "livesum") -> Gauge:
            return Gauge(f"onehttp_{name}", text, labels, registry=registry, multiprocess_mode=how)

        self.duration = Histogram(
            "onehttp_request_duration_seconds",
            "Calls by duration, all attempts of each included.",
            ("connection", "method"),
            registry=registry,
            buckets=ADVISED_S,
        )
        self.requests = counter(
            "requests", "Calls that have ended.", "connection", "method", "code", "outcome"
        )
        self.resends = counter(
            "resends", "Attempts after the first of a call.", "connection", "reason"
        )
        self.sent_maybe = counter(
            "sent_maybe",
            "Calls that failed with nobody knowing whether the server has acted.",
            "connection",
            "method",
        )
        self.received = counter("body_bytes", "Bytes of bodies received.", "connection")
        self.in_flight = gauge("requests_in_flight", "Calls under way.", "connection")
        self.in_flight_names: set[str] = set()
        self.circuit = gauge(
            "breaker_state",
            "0 closed, 1 half-open, 2 open; of several processes the worst.",
            "connection",
            how="livemax",
        )
        self.circuit_opened = counter("breaker_opened", "Times a circuit opened.", "connection")
        self.held_back = counter(
            "held_back",
            "Attempts that circuit or limits refused or made wait.",
            "connection",
            "how",
        )
        self.counted_alone = counter(
            "counted_alone",
            "Attempts on shared limits that a process let in by itself, their server being away or "
            "late.",
            "connection",
        )
        self.connections_open = gauge("connections_open", "Kept and in use.")
        self.of_engine = {
            "connections_opened": counter("connections_opened", "Connections made."),
            "connections_reused": counter(
                "connections_reused", "Transfers that went out on a connection made before."
            ),
        }
        self.queue_length = gauge("queue_length", "Queries that have not ended.")
        self.queries = counter("queries", "Queries that have ended, or were refused.", "outcome")
        self.legacy_calls = counter(
            "legacy_calls", "Legacy calls by their place.", "module", "function", "site"
        )
        self.revision = gauge("config_revision", "Of the connections in force.", how="livemin")
        self.reloads = counter("config_reloads", "Reloads since the start.", "outcome")
        self.reload_success = gauge(
            "config_reload_success_timestamp_seconds",
            "When the connections in force were read; of several processes the one that is behind.",
            how="livemin",
        )

    def unregister(self, registry: CollectorRegistry) -> None:
        """Take them out again."""
        for family in (*vars(self).values(), *self.of_engine.values()):
            if isinstance(family, (Counter, Gauge, Histogram)):
                registry.unregister(family)
