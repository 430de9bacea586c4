"""The tables that ``onehttp run`` prints."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from onehttp_compat.cli.report import CallRow, Report
from onehttp_compat.cli.tally import PERCENTILES, Tally
from onehttp_compat.script.outcome import MessageEnd, MessageOutcome

ASYNC_MODULES: Final = frozenset({"async_http", "http_async_client"})
SHOWN_MESSAGES: Final = 20


def print_report(report: Report) -> None:
    """Print the tables."""
    console = Console(width=None if Console().is_terminal else 160)
    console.print(_calls(report))
    console.print(_messages(report))
    if report.is_load_test:
        console.print(_latencies(report.tally))
    stats = report.stats
    if stats is not None:
        console.print(
            f"[bold]one engine[/bold] ({stats.backend}): "
            f"legacy modules {', '.join(report.modules)}; "
            f"{stats.global_inits} global init, "
            f"{stats.transfers} transfers ({stats.failed} failed), "
            f"{stats.connections_opened} connections opened, {stats.connections_reused} reused"
        )


def _calls(report: Report) -> Table:
    table = Table(title=f"legacy HTTP calls of {report.script.name}", title_justify="left")
    for heading in ("where", "function", "URL"):
        table.add_column(heading, overflow="fold")
    for heading in ("calls", "code", "bytes", "ms"):
        table.add_column(heading, justify="right")
    table.add_column("replace by", overflow="fold")
    for row in report.rows.values():
        style = "" if _is_fine(row) else "yellow" if row.code >= 400 else "red"
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


def _is_fine(row: CallRow) -> bool:
    if row.module in ASYNC_MODULES:
        return row.code >= 0
    return 200 <= row.code < 400


def _messages(report: Report) -> Table:
    count = report.tally.count
    shown = report.messages[:SHOWN_MESSAGES]
    more = f" (first {len(shown)} of {count})" if count > len(shown) else ""
    has_queries = any(outcome.queries for outcome in shown)
    table = Table(title=f"messages{more}", title_justify="left")
    for heading in ("message", "request", "what the script did"):
        table.add_column(heading, overflow="fold")
    if has_queries:
        for heading in ("suspended", "resumed"):
            table.add_column(heading, justify="right")
        for heading in ("route", "result"):
            table.add_column(heading, overflow="fold")
    table.add_column("ms", justify="right")
    for outcome in shown:
        table.add_row(
            escape(outcome.message.label),
            escape(f"{outcome.message.method} {outcome.message.uri}"),
            _done(outcome),
            *(_queries(outcome) if has_queries else ()),
            f"{outcome.time_s * 1000:.2f}",
        )
    return table


def _done(outcome: MessageOutcome) -> str:
    done = [escape(what) for what in outcome.actions]
    done += [escape(f"reply {reply}") for reply in outcome.replies]
    if outcome.error:
        done.append(f"[red]{escape(outcome.error)}[/red]")
    return ", ".join(done) or "nothing"


def _queries(outcome: MessageOutcome) -> tuple[str, str, str, str]:
    """One line for each query: its route, and what came back."""
    routes, results = [], []
    for query in outcome.queries:
        route = escape(query.route)
        routes.append(route if query.has_run else f"[yellow]{route} (not run)[/yellow]")
        result = escape(query.result)
        results.append(result if query.has_response else f"[red]{result}[/red]")
    return str(outcome.suspended), str(outcome.resumed), "\n".join(routes), "\n".join(results)


def _latencies(tally: Tally) -> Table:
    table = Table(
        title="latency: from a message's arrival to its final reply", title_justify="left"
    )
    ends = [end for end in MessageEnd if tally.ends[end]]
    figures = [
        ("messages", str(tally.count)),
        *((end.value, str(tally.ends[end])) for end in ends),
        *([("queries", str(tally.queries))] if tally.queries else ()),
        *([("queries failed", str(tally.failed_queries))] if tally.failed_queries else ()),
        ("seconds", f"{tally.wall_s:.2f}"),
        ("messages/s", f"{tally.per_second:.0f}"),
        *(
            (f"p{percent} ms", f"{tally.percentile_s(percent) * 1000:.2f}")
            for percent in PERCENTILES
        ),
        ("longest ms", f"{tally.longest_s * 1000:.2f}"),
    ]
    for heading, _ in figures:
        table.add_column(heading, justify="right")
    table.add_row(*(figure for _, figure in figures))
    return table
