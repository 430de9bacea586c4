"""What ``onehttp run`` shows: the calls by place, the messages, and the engine's account."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onehttp import Stats
from onehttp_compat.dispatch import LegacyCall
from onehttp_compat.script.stand_in import MessageOutcome

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
    rows: dict[tuple[str, str, str, int], CallRow] = field(default_factory=dict)
    outcomes: list[MessageOutcome] = field(default_factory=list)
    stats: Stats | None = None

    def note(self, call: LegacyCall) -> None:
        """Take one call down."""
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
        return any(outcome.error for outcome in self.outcomes)

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
            "messages": [
                {
                    "message": outcome.message.label,
                    "method": outcome.message.method,
                    "uri": outcome.message.uri,
                    "replies": outcome.replies,
                    "actions": outcome.actions,
                    "headers": outcome.headers,
                    "error": outcome.error,
                    "time_ms": round(outcome.time_s * 1000, 3),
                }
                for outcome in self.outcomes
            ],
            "engine": self._engine(),
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


SHOWN_MESSAGES = 20


def print_report(report: Report) -> None:
    """Print the tables."""
    from rich.console import Console

    console = Console(width=None if Console().is_terminal else 160)
    console.print(_calls(report))
    console.print(_messages(report))
    stats = report.stats
    if stats is not None:
        console.print(
            f"[bold]one engine[/bold] ({stats.backend}): "
            f"legacy modules {', '.join(report.modules)}; "
            f"{stats.global_inits} global init, "
            f"{stats.transfers} transfers ({stats.failed} failed), "
            f"{stats.connections_opened} connections opened, {stats.connections_reused} reused"
        )


def _calls(report: Report) -> Any:
    from rich.table import Table

    table = Table(title=f"legacy HTTP calls of {report.script.name}", title_justify="left")
    for heading in ("where", "function", "URL"):
        table.add_column(heading, overflow="fold")
    for heading in ("calls", "code", "bytes", "ms"):
        table.add_column(heading, justify="right")
    table.add_column("replace by", overflow="fold")
    for row in report.rows.values():
        style = "" if 200 <= row.code < 400 else "yellow" if row.code >= 400 else "red"
        table.add_row(
            row.place,
            row.function,
            row.url,
            str(row.count),
            f"[{style}]{row.code}[/{style}]" if style else str(row.code),
            str(row.result_bytes),
            f"{row.time_s / row.count * 1000:.2f}",
            row.replacement.replace("[", "\\["),
        )
    return table


def _messages(report: Report) -> Any:
    from rich.table import Table

    count = len(report.outcomes)
    shown = report.outcomes[:SHOWN_MESSAGES]
    more = f" (first {len(shown)} of {count})" if count > len(shown) else ""
    table = Table(title=f"messages{more}", title_justify="left")
    for heading in ("message", "request", "what the script did"):
        table.add_column(heading, overflow="fold")
    table.add_column("ms", justify="right")
    for outcome in shown:
        done = [*outcome.actions, *(f"reply {reply}" for reply in outcome.replies)]
        if outcome.error:
            done.append(f"[red]{outcome.error}[/red]")
        table.add_row(
            outcome.message.label,
            f"{outcome.message.method} {outcome.message.uri}",
            ", ".join(done) or "nothing",
            f"{outcome.time_s * 1000:.2f}",
        )
    return table
