"""Snapshots of several processes as one table, and the difference between two such tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from onehttp.control.tally import Count

WORST: Final = ("closed", "half-open", "open")


@dataclass(slots=True)
class ConnectionTotals:
    """The totals of one connection over all processes."""

    name: str
    """The name of the connection; empty for calls without one."""
    count: Count = field(default_factory=Count)
    failures: int = 0
    """Calls without a response, or with a status of 500 or more."""
    in_flight: int = 0
    circuit: str = ""
    """The worst state among the processes."""
    resends: int = 0
    held_back: int = 0
    """Attempts that the circuit breaker or the limits refused."""


@dataclass(slots=True)
class Merged:
    """The sum of all processes."""

    processes: int
    lines: dict[str, ConnectionTotals]
    connections_open: int
    connections_opened: int
    queue: int
    revisions: tuple[int, ...]
    """The revisions in use; several if a reload has not reached all processes yet."""
    last_reload: float
    """The time of the oldest reload among the processes."""
    legacy_calls: int
    server_counters: dict[str, int]
    """The counters of SIP servers, whose processes count together."""


def merged(snapshots: Sequence[Mapping[str, Any]]) -> Merged:
    """Combine the snapshots of processes."""
    lines: dict[str, ConnectionTotals] = {}

    def line(name: str) -> ConnectionTotals:
        return lines.setdefault(name, ConnectionTotals(name))

    for told in snapshots:
        for each in told["connections"]:
            one = line(each["name"])
            if each["circuit"] and (
                not one.circuit or WORST.index(each["circuit"]) > WORST.index(one.circuit)
            ):
                one.circuit = each["circuit"]
            one.held_back += each.get("circuit_refused", 0) + each.get("limit_refused", 0)
        for each in told["counts"]:
            one, count = line(each["connection"]), _count(each)
            one.count.add(count)
            if each["outcome"] not in ("ok", "client_error"):
                one.failures += count.calls
        for each in told["resends"]:
            line(each["connection"]).resends += each["attempts"]
        for each in told["open"]:
            line(each["connection"]).in_flight += 1
    return Merged(
        processes=len(snapshots),
        lines=lines,
        connections_open=_sum(snapshots, "backend", "connections_open"),
        connections_opened=_sum(snapshots, "backend", "connections_opened"),
        queue=_sum(snapshots, "queries", "open"),
        revisions=tuple(sorted({told["revision"] for told in snapshots if "revision" in told})),
        last_reload=min((told["reloads"]["last_success"] for told in snapshots), default=0.0),
        legacy_calls=sum(
            each["calls"] for told in snapshots for each in told.get("legacy_calls", ())
        ),
        server_counters=_counted_together(snapshots),
    )


def _counted_together(snapshots: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return the highest report of each counter: each process reports the sum of its whole server,
    and some reports are older than others."""
    servers: defaultdict[int, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for told in filter(None, (one.get("server_counters") for one in snapshots)):
        counters = servers[told["server"]]
        for name, value in told["counters"].items():
            counters[name] = max(counters[name], value)
    together: defaultdict[str, int] = defaultdict(int)
    for counters in servers.values():
        for name, value in counters.items():
            together[name] += value
    return dict(sorted(together.items()))


def between(later: ConnectionTotals, earlier: ConnectionTotals | None) -> ConnectionTotals:
    """Return the change of a connection between two snapshots, or since its processes were
    restarted."""
    if earlier is None or later.count.calls < earlier.count.calls:
        return later
    by_duration: defaultdict[int, int] = defaultdict(int, later.count.by_duration)
    for index, calls in earlier.count.by_duration.items():
        by_duration[index] = max(0, by_duration[index] - calls)
    return ConnectionTotals(
        later.name,
        Count(
            calls=later.count.calls - earlier.count.calls,
            seconds=later.count.seconds - earlier.count.seconds,
            received_bytes=later.count.received_bytes - earlier.count.received_bytes,
            sent_maybe=later.count.sent_maybe - earlier.count.sent_maybe,
            by_duration=dict(by_duration),
        ),
        failures=max(0, later.failures - earlier.failures),
        in_flight=later.in_flight,
        circuit=later.circuit,
        resends=max(0, later.resends - earlier.resends),
        held_back=max(0, later.held_back - earlier.held_back),
    )


def _count(each: Mapping[str, Any]) -> Count:
    return Count(
        calls=each["calls"],
        seconds=each["seconds"],
        received_bytes=each["received_bytes"],
        sent_maybe=each["sent_maybe"],
        by_duration={int(index): calls for index, calls in each["by_duration"].items()},
    )


def _sum(snapshots: Iterable[Mapping[str, Any]], part: str, key: str) -> int:
    return sum(told.get(part, {}).get(key, 0) for told in snapshots)
