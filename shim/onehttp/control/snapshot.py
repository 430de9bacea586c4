"""The state of a process as plain values, for the control socket and for metrics."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final, TypeAlias

from onehttp.connections.reload import Reloads
from onehttp.control.tally import Tally
from onehttp.runtime import Runtime
from onehttp.version import VERSION
from onehttp_backends.hints.keywords import explained

Part: TypeAlias = Callable[[], object]
_parts: Final[dict[str, Part]] = {}
_LOADED_AT: Final = time.time()


@explained
def tell_part(name: str, part: Part) -> None:
    """Have snapshots contain the result of ``part`` as ``name``; for layers above this one."""
    _parts[name] = part


def snapshot(runtime: Runtime | None, tally: Tally, reloads: Reloads) -> dict[str, Any]:
    """The state of a process, without secrets. Without a runtime it makes no calls at present."""
    told: dict[str, Any] = {
        "pid": os.getpid(),
        "version": VERSION,
        "up_s": round(time.time() - _LOADED_AT, 3),
        "is_initialised": runtime is not None,
        "reloads": asdict(reloads),
        "counts": [
            {**kind._asdict(), **asdict(count), "by_duration": dict(count.by_duration)}
            for kind, count in tally.counts().items()
        ],
        "resends": [
            {"connection": name, "reason": reason, "attempts": attempts}
            for (name, reason), attempts in tally.resends().items()
        ],
        "open": _open(tally),
        "connections": [],
    }
    if runtime is not None:
        told["backend"] = {**asdict(runtime.backend.stats())}
        told["queries"] = asdict(runtime.queries.stats())
        told["revision"] = runtime.revision.connections.revision
        told["connections"] = list(_connections(runtime).values())
    for name, part in _parts.items():
        told[name] = part()
    return told


def _open(tally: Tally) -> list[dict[str, Any]]:
    now = time.perf_counter()
    return [
        {
            "connection": call.name,
            "method": call.request.method,
            "for_s": round(now - call.began, 4),
            "attempts": call.attempts,
        }
        for call in tally.open_calls()
    ]


def _connections(runtime: Runtime) -> Mapping[str, dict[str, Any]]:
    told = {}
    for name, ready in runtime.revision.items():
        spec = ready.spec
        one: dict[str, Any] = {
            "name": name,
            "address": spec.address,
            "revision": spec.revision,
            "file": spec.file,
            "line": spec.line,
            "circuit": None,
        }
        if ready.policies is not None:
            counters = asdict(ready.policies.counters())
            circuit = counters.pop("circuit")
            one |= {**counters, "circuit": circuit and circuit.value}
        told[name] = one
    return told
