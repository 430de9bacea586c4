"""Metrics of Prometheus: `expose` puts what this process counts into a registry.

Needs the extra ``metrics``. Calls are counted by `onehttp.control.tally`, which is the whole cost
of a call; the numbers go into the registry when it is scraped, and in prometheus_client's
multiprocess mode (``PROMETHEUS_MULTIPROC_DIR``) a second after something has happened. That is what
a process which is killed may lose.
"""

from __future__ import annotations

import atexit
import logging
import os
import time
from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from onehttp.api import process
from onehttp.control.snapshot import snapshot
from onehttp.control.tally import ADVISED_S, BOUNDS_S, tally
from onehttp.errors import ConfigurationError
from onehttp.timers import Timers
from onehttp_backends.forks import reentrant_lock
from onehttp_backends.hints.extras import brought_by

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from onehttp.runtime import Runtime

logger = logging.getLogger("onehttp")
MULTIPROCESS: Final = "PROMETHEUS_MULTIPROC_DIR"
DELAY_S: Final = 1.0
LONGEST_LABEL: Final = 200
CIRCUITS: Final = {"closed": 0, "half-open": 1, "open": 2}
_HELD_BACK: Final = ("circuit_refused", "limit_refused", "limit_waited")
_OF_ENGINE: Final = ("connections_opened", "connections_reused")
_OF_RUNTIME: Final = frozenset({"opened", "alone", "queries", *_HELD_BACK, *_OF_ENGINE})
"""What counts begin with that end with their runtime; those of calls are the process's."""


def expose(registry: CollectorRegistry | None = None) -> Metrics:
    """Count the calls of this process from now on, and show them in ``registry``.

    Args:
        registry: prometheus_client's own unless given.

    Returns:
        What keeps it up to date; its `Metrics.stop` ends it.

    Raises:
        ConfigurationError: prometheus_client is not installed.
        ValueError: the registry has these metrics already.
    """
    try:
        from prometheus_client import REGISTRY
    except ImportError:
        raise ConfigurationError(
            f"metrics need prometheus_client: {brought_by('metrics')}"
        ) from None
    return Metrics(REGISTRY if registry is None else registry)


class Metrics:
    """Keeps a registry up to date."""

    def __init__(self, registry: CollectorRegistry) -> None:
        from onehttp.observe.families import Families

        self._registry = registry
        self._tally = tally()
        self._timers = Timers()
        self._syncing = reentrant_lock()  # guards _before and the order of syncs
        self._before = Counts[tuple[Any, ...]]()
        registry.register(self)  # first: it is asked first, and brings the others up to date
        try:
            self._families = Families(registry)
        except BaseException:
            registry.unregister(self)
            raise
        os.register_at_fork(after_in_child=self._begin_anew)
        process.at_shutdown.append(self._runtime_ends)
        if MULTIPROCESS in os.environ:
            self._tally.when_something_happens(self._sync_soon)
            atexit.register(self.sync)
            self._sync_soon()

    def collect(self) -> Iterator[Any]:
        """Called by the registry when it is scraped. Has no metrics of its own."""
        self.sync()
        return iter(())

    def describe(self) -> list[Any]:
        """Return no descriptions, so that registering does not collect."""
        return []

    def stop(self) -> None:
        """Take the metrics out of the registry."""
        self._registry.unregister(self)
        self._families.unregister(self._registry)
        self._tally.forget(self._sync_soon)
        process.at_shutdown.remove(self._runtime_ends)
        atexit.unregister(self.sync)

    def sync(self) -> None:
        """Bring the registry up to date."""
        with self._syncing:
            self._show(snapshot(process.runtime, self._tally, process.reloads))

    def _runtime_ends(self, runtime: Runtime, has_ended: bool) -> None:
        """Count what it did since the last time. The next one begins at zero."""
        with self._syncing:
            self._show(snapshot(runtime, self._tally, process.reloads))
            if has_ended:
                for key in [key for key in self._before if key[0] in _OF_RUNTIME]:
                    del self._before[key]

    def _sync_soon(self) -> None:
        self._timers.at(time.monotonic() + DELAY_S, self.sync)

    def _begin_anew(self) -> None:
        self._before = Counts()

    def _grown(self, now: float, *key: object) -> float:
        """By how much a count has grown since the last time."""
        grown = now - self._before[key]
        if grown < 0:  # the counter has started again after a shutdown
            grown = now
        self._before[key] = now  # type: ignore[assignment]  # a Counter is typed for ints
        return grown

    def _show(self, told: dict[str, Any]) -> None:
        families = self._families
        for each in told["counts"]:
            name, method = label(each["connection"]), each["method"]
            kind = (name, method, each["code"], each["outcome"])
            families.requests.labels(*kind).inc(self._grown(each["calls"], "requests", *kind))
            self._observe(each, kind)
            families.received.labels(name).inc(
                self._grown(each["received_bytes"], "received", *kind)
            )
            if each["sent_maybe"]:
                grown = self._grown(each["sent_maybe"], "sent_maybe", *kind)
                families.sent_maybe.labels(name, method).inc(grown)
        for each in told["resends"]:
            key = (label(each["connection"]), each["reason"])
            families.resends.labels(*key).inc(self._grown(each["attempts"], "resends", *key))
        in_flight = Counts(label(each["connection"]) for each in told["open"])
        for name in {*families.in_flight_names, *in_flight}:
            families.in_flight.labels(name).set(in_flight[name])
        families.in_flight_names |= set(in_flight)
        for each in told["connections"]:
            name = label(each["name"])
            if each["circuit"]:
                families.circuit.labels(name).set(CIRCUITS[each["circuit"]])
                opened = self._grown(each["circuit_opened"], "opened", name)
                families.circuit_opened.labels(name).inc(opened)
            for what in _HELD_BACK:
                if each.get(what):
                    grown = self._grown(each[what], what, name)
                    families.held_back.labels(name, what).inc(grown)
            if alone := each.get("counted_alone"):
                families.counted_alone.labels(name).inc(self._grown(alone, "alone", name))
        self._show_process(told)

    def _observe(self, each: dict[str, Any], kind: tuple[str, ...]) -> None:
        """Add what is new to the histogram, by its buckets: it has no public way for many."""
        child: Any = self._families.duration.labels(kind[0], kind[1])
        child._sum.inc(self._grown(each["seconds"], "seconds", *kind))
        for index, calls in each["by_duration"].items():
            if grown := self._grown(calls, "bucket", index, *kind):
                bound_s = BOUNDS_S[index] if index < len(BOUNDS_S) else float("inf")
                child._buckets[bisect_left(ADVISED_S, bound_s)].inc(grown)

    def _show_process(self, told: dict[str, Any]) -> None:
        families = self._families
        for each in told.get("legacy_calls", ()):
            site = label(f"{os.path.basename(each['path'])}:{each['line']}")
            key = (each["module"], each["function"], site)
            grown = self._grown(each["calls"], "legacy", each["path"], *key)
            families.legacy_calls.labels(*key).inc(grown)
        reloads = told["reloads"]
        for what in ("done", "refused"):
            families.reloads.labels(what).inc(self._grown(reloads[what], "reloads", what))
        families.reload_success.set(reloads["last_success"])
        families.revision.set(told.get("revision", 0))
        engine, queries = told.get("backend", {}), told.get("queries", {})
        families.connections_open.set(engine.get("connections_open", 0))
        families.queue_length.set(queries.get("open", 0))
        if engine:
            for what in _OF_ENGINE:
                grown = self._grown(engine[what], what)
                families.of_engine[what].inc(grown)
        for what in ("completed", "failed", "cancelled", "refused"):
            if queries:
                grown = self._grown(queries[what], "queries", what)
                families.queries.labels(what).inc(grown)


def label(value: str) -> str:
    """``value`` as a label: what cannot be encoded is replaced, what is long cut short."""
    return value.encode("utf-8", "replace").decode()[:LONGEST_LABEL]
