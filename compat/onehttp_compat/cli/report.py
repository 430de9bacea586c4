"""What ``onehttp run`` gathers: the calls by place, the messages, and the engine's account."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onehttp import Stats
from onehttp_compat.cli.tally import PERCENTILES, Tally
from onehttp_compat.observed_call import LegacyCall
from onehttp_compat.script.outcome import MessageEnd, MessageOutcome, QueryOutcome

_secret_query = re.compile(r"(?i)([?&][^=&]*(?:token|key|secret|pass|pwd|auth|sig)[^=&]*=)[^&#]*")
_userinfo = re.compile(r"^((?:https?:/*)?)[^/?#@]*@")


def shown_url(url: str) -> str:
    """A URL without credentials and without the values of parameters that look like secrets."""
    return _secret_query.sub(r"\1...", _userinfo.sub(r"\1", url))


@dataclass(slots=True)
class CallRow:
    """All calls from one place with one outcome."""

    place: str
    function: str
    module: str
    url: str
    code: int
    replacement: str
    count: int = 0
    result_bytes: int = 0
    time_s: float = 0.0


@dataclass(slots=True)
class Report:
    """Gathers what a run did."""

    script: Path
    kept: int
    """How many messages are shown one by one, the first ones; all are counted."""
    is_load_test: bool = False
    rows: dict[tuple[str, str, str, int], CallRow] = field(default_factory=dict)
    outcomes: list[MessageOutcome] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    stats: Stats | None = None
    _noting: threading.Lock = field(default_factory=threading.Lock)
    """Guards the rows: all workers of a script make calls."""

    def note(self, call: LegacyCall) -> None:
        """Take one call down."""
        with self._noting:
            self._note(call)

    def note_message(self, outcome: MessageOutcome) -> None:
        """Take down what became of one message."""
        self.tally.add(outcome)
        if outcome.number <= self.kept:
            self.outcomes.append(outcome)

    def _note(self, call: LegacyCall) -> None:
        place = f"{Path(call.file).name}:{call.line}"
        url = shown_url(call.url)
        key = (place, call.name, url, call.code)
        row = self.rows.get(key)
        if row is None:
            replacement = call.function.replacement
            row = CallRow(place, call.name, call.function.module, url, call.code, replacement)
            self.rows[key] = row
        row.count += 1
        row.result_bytes = call.result_bytes or 0
        row.time_s += call.time_s

    @property
    def has_errors(self) -> bool:
        return self.tally.ends[MessageEnd.FAILED] > 0

    @property
    def messages(self) -> list[MessageOutcome]:
        """The first ones, in the order in which they came."""
        return sorted(self.outcomes, key=lambda outcome: outcome.number)

    @property
    def modules(self) -> list[str]:
        """The legacy modules that were called."""
        return sorted({row.module for row in self.rows.values()})

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "script": str(self.script),
            "modules": self.modules,
            "calls": [
                {
                    "place": row.place,
                    "module": row.module,
                    "function": row.function,
                    "url": row.url,
                    "code": row.code,
                    "count": row.count,
                    "result_bytes": row.result_bytes,
                    "time_ms": round(row.time_s * 1000, 3),
                    "replacement": row.replacement,
                }
                for row in self.rows.values()
            ],
            "messages": [_message(outcome) for outcome in self.messages],
            "summary": self._summary(),
            "engine": self._engine(),
        }

    def _summary(self) -> dict[str, Any]:
        tally = self.tally
        latency = {f"p{percent}": _ms(tally.percentile_s(percent)) for percent in PERCENTILES}
        return {
            "messages": tally.count,
            **{end.value.replace(" ", "_"): tally.ends[end] for end in MessageEnd},
            "queries": tally.queries,
            "failed_queries": tally.failed_queries,
            "suspended": tally.suspended,
            "resumed": tally.resumed,
            "seconds": round(tally.wall_s, 3),
            "per_second": round(tally.per_second, 1),
            "latency_ms": {**latency, "max": _ms(tally.longest_s)},
        }

    def _engine(self) -> dict[str, Any]:
        stats = self.stats
        if stats is None:
            return {}
        return {
            "backend": stats.backend,
            "global_inits": stats.global_inits,
            "transfers": stats.transfers,
            "failed": stats.failed,
            "connections_opened": stats.connections_opened,
            "connections_reused": stats.connections_reused,
        }


def _message(outcome: MessageOutcome) -> dict[str, Any]:
    return {
        "message": outcome.message.label,
        "method": outcome.message.method,
        "uri": outcome.message.uri,
        "end": outcome.end.value,
        "replies": outcome.replies,
        "actions": outcome.actions,
        "headers": outcome.headers,
        "suspended": outcome.suspended,
        "resumed": outcome.resumed,
        "queries": [_query(query) for query in outcome.queries],
        "error": outcome.error,
        "time_ms": _ms(outcome.time_s),
    }


def _query(query: QueryOutcome) -> dict[str, Any]:
    return {
        "route": query.route,
        "result": query.result,
        "suspending": query.is_suspending,
        "route_run": query.has_run,
        "time_ms": _ms(query.time_s),
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
