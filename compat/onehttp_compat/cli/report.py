"""The data that ``onehttp run`` collects: calls by place, messages, and figures of the engine."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from onehttp import Stats
from onehttp_compat.calls.observed_call import LegacyCall, shown_url
from onehttp_compat.cli.tally import PERCENTILES, MessageTally
from onehttp_compat.replacements import CallSites, replacement
from onehttp_compat.script.outcome import MessageEnd, MessageOutcome, QueryOutcome
from onehttp_compat.script.world.assumptions import AssumedCall
from onehttp_compat.script.world.mistakes import Mistake

if TYPE_CHECKING:  # its import is slow, and only real servers need it
    from onehttp_compat.real_server.compare import Difference

ASYNC_MODULES: Final = frozenset({"async_http", "http_async_client"})
MAX_ROWS: Final = 200
"""The largest number of rows of calls with separate URLs. Later calls are counted in the row of
their place."""
MAX_KEPT: Final = 1000
"""The largest number of messages that are kept for display. All are counted."""
MAX_FAILED: Final = 100
"""The number of failed messages that are kept in addition."""
OTHER_URLS: Final = "(other URLs)"


@dataclass(slots=True)
class CallRow:
    """All calls from one place with the same outcome."""

    place: str
    function: str
    module: str
    url: str
    code: int
    replacement: str
    refusal: str = ""
    count: int = 0
    result_bytes: int = 0
    time_s: float = 0.0

    @property
    def is_failed(self) -> bool:
        """Whether there was no answer: the call was refused, or it got no response."""
        return self.code < 0 if self.module in ASYNC_MODULES else self.code < 100

    @property
    def is_fine(self) -> bool:
        return not self.is_failed and (self.module in ASYNC_MODULES or self.code < 400)


@dataclass(slots=True)
class RunReport:
    """Collects the results of a run."""

    script: Path
    kept: int
    """The number of messages to show one by one, starting with the first. All are counted."""
    is_load_test: bool = False
    rows: dict[tuple[str, str, str, int], CallRow] = field(default_factory=dict)
    outcomes: list[MessageOutcome] = field(default_factory=list)
    tally: MessageTally = field(default_factory=MessageTally)
    stats: Stats | None = None
    assumed: list[AssumedCall] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Further remarks for the reader."""
    differences: list[Difference] | None = None
    """Differences between the emulation and the real server; None if they were not compared."""
    is_interrupted: bool = False
    _failed_kept: int = 0
    _sites: CallSites = field(default_factory=CallSites)
    _noting: threading.Lock = field(default_factory=threading.Lock)
    """Guards the rows, because all workers of a script make calls."""

    def note(self, call: LegacyCall) -> None:
        """Record a call."""
        with self._noting:
            self._note(call)

    def note_message(self, outcome: MessageOutcome) -> None:
        """Record the outcome of a message."""
        if outcome.number:
            self.tally.add(outcome)
        if outcome.number <= min(self.kept, MAX_KEPT):
            self.outcomes.append(outcome)
        elif outcome.end is MessageEnd.FAILED and self._failed_kept < MAX_FAILED:
            self._failed_kept += 1
            self.outcomes.append(outcome)

    def _note(self, call: LegacyCall) -> None:
        place = f"{Path(call.file).name}:{call.line}"
        url = shown_url(call.url)
        key = (place, call.name, url, call.code)
        row = self.rows.get(key)
        if row is None:
            if len(self.rows) >= MAX_ROWS:
                url = OTHER_URLS
                key = (place, call.name, url, call.code)
            row = self.rows.get(key)
        if row is None:
            code = replacement(call, self._sites)
            row = CallRow(
                place, call.name, call.function.module, url, call.code, code, call.refusal
            )
            self.rows[key] = row
        row.count += 1
        row.result_bytes = call.result_bytes or 0
        row.time_s += call.time_s

    @property
    def has_errors(self) -> bool:
        """Whether the run has failed: a message failed, the script has an error, or no message was
        valid."""
        has_mistakes = any(mistake.is_error for mistake in self.mistakes)
        has_failed = any(outcome.end is MessageEnd.FAILED for outcome in self.outcomes)
        has_failed |= self.tally.ends[MessageEnd.FAILED] > 0
        return has_failed or has_mistakes or self.has_taken_nothing

    @property
    def has_taken_nothing(self) -> bool:
        """Whether there were messages, and the server would drop all of them."""
        return 0 < self.tally.count == self.tally.ends[MessageEnd.DROPPED]

    @property
    def messages(self) -> list[MessageOutcome]:
        """The first messages, in the order of their arrival."""
        return sorted(self.outcomes, key=lambda outcome: outcome.number)

    @property
    def modules(self) -> list[str]:
        """The legacy modules that were called."""
        return sorted({row.module for row in self.rows.values()})

    @property
    def call_counts(self) -> dict[str, int]:
        """The number of all calls, of calls refused before anything was sent, and of failed calls
        among them."""
        rows = self.rows.values()
        return {
            "calls": sum(row.count for row in rows),
            "refused": sum(row.count for row in rows if row.refusal or row.code < 0),
            "failed": sum(row.count for row in rows if row.is_failed),
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the report for ``--json``."""
        return {
            "script": str(self.script),
            "interrupted": self.is_interrupted,
            "modules": self.modules,
            "calls": [
                {
                    "place": row.place,
                    "module": row.module,
                    "function": row.function,
                    "url": row.url,
                    "code": row.code,
                    "count": row.count,
                    "refusal": row.refusal,
                    "result_bytes": row.result_bytes,
                    "time_ms": round(row.time_s * 1000, 3),
                    "replacement": row.replacement,
                }
                for row in self.rows.values()
            ],
            "assumed": [
                {
                    "function": one.function,
                    "place": one.place,
                    "answer": one.answer,
                    "given": one.is_given,
                    "count": one.count,
                }
                for one in self.assumed
            ],
            "mistakes": [
                {"place": one.place, "text": one.text, "error": one.is_error, "count": one.count}
                for one in self.mistakes
            ],
            "notes": self.notes,
            **(
                {}
                if self.differences is None
                else {"differences": [dataclasses.asdict(one) for one in self.differences]}
            ),
            "messages": [_message(outcome) for outcome in self.messages],
            "counts": {**self.call_counts, "dropped_messages": self.tally.ends[MessageEnd.DROPPED]},
            "summary": self._summary(),
            "engine": self._engine(),
        }

    def _summary(self) -> dict[str, Any]:
        tally = self.tally
        latency = {f"p{percent}": _ms(tally.percentile_s(percent)) for percent in PERCENTILES}
        ends = [end for end in MessageEnd if end is not MessageEnd.DROPPED]
        return {
            "messages": tally.count,
            **{end.value.replace(" ", "_"): tally.ends[end] for end in ends},
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
        "error": outcome.error or outcome.refusal or None,
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
