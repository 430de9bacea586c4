"""Prints the report of ``onehttp run`` as text: rows of figures, and below each row the texts that
are too wide for it. No line is split inside a word; the terminal wraps lines that are too long."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from onehttp_compat.cli.report import CallRow, RunReport
from onehttp_compat.cli.tally import PERCENTILES, MessageTally
from onehttp_compat.script.outcome import MessageEnd, MessageOutcome

SHOWN_MESSAGES: Final = 20
SHOWN_ASSUMED: Final = 40
LONGEST_LINE: Final = 2000
_INDENT: Final = "    "
_GAP: Final = "  "


def print_report(report: RunReport) -> None:
    """Print the whole report."""
    page = _Page()
    if report.is_interrupted:
        page.say(f"interrupted after {report.tally.count} messages; so far:", "yellow")
    _calls(page, report)
    _mistakes(page, report)
    _assumed(page, report)
    _messages(page, report)
    _differences(page, report)
    if report.is_load_test:
        _latencies(page, report.tally)
    for note in report.notes:
        page.say(note)
    _engine(page, report)


class _Page:
    """Lines on the screen, in colour if the terminal has it (``NO_COLOR`` is respected)."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self.width = self._console.width if self._console.is_terminal else max(
            80, self._console.width
        )  # fmt: skip

    def line(self, text: Text | str = "") -> None:
        self._console.print(text, soft_wrap=True, markup=False)

    def heading(self, text: str) -> None:
        self.line()
        self.line(Text(text, style="bold"))

    def say(self, text: str, style: str = "", indent: str = "") -> None:
        """Print a sentence, wrapped between words."""
        for part in wrapped(text, self.width, indent):
            self.line(Text(part, style=style))

    def figures(self, title: str, figures: Sequence[tuple[str, str]]) -> None:
        """Print figures side by side if they fit, otherwise one below the other."""
        self.line()
        if sum(max(map(len, one)) + 3 for one in figures) < self.width:
            table = Table(title=title, title_justify="left")
            for name, _ in figures:
                table.add_column(name, justify="right", no_wrap=True)
            table.add_row(*(figure for _, figure in figures))
            self._console.print(table)
            return
        self.line(Text(title, style="bold"))
        for name, figure in figures:
            self.line(f"{name:<14}{figure:>10}")

    def rows(
        self, headings: Sequence[str], rows: Iterable[tuple[Sequence[str], str, list[Text]]]
    ) -> None:
        """Print rows under headings, with figures aligned right and texts that are too wide below
        the row.

        A row has its cells, its style, and the lines below it.
        """
        kept = list(rows)
        widths = [
            max(len(heading), *(len(cells[i]) for cells, _, _ in kept))
            for i, heading in enumerate(headings)
        ]
        if sum(widths) + len(_GAP) * (len(widths) - 1) > self.width:
            # The first cell, a place in the script, gets a line of its own.
            widths[0] = min(widths[0], len(headings[0]))
        self.line(Text(_row(headings, widths), style="dim"))
        for cells, style, below in kept:
            if len(cells[0]) > widths[0]:
                self.line(cells[0])
                cells = ("", *cells[1:])
            self.line(Text(_row(cells, widths), style=style))
            for text in below:
                self.line(text)


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Return lines of that width, split only between words."""
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    ) or [""]  # fmt: skip


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = [
        cell.rjust(width) if _is_figure(cell) or number > 1 else cell.ljust(width)
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return _GAP.join(parts).rstrip()


def _is_figure(cell: str) -> bool:
    return cell.replace(".", "", 1).removeprefix("-").isdigit()


def _calls(page: _Page, report: RunReport) -> None:
    script = report.script.name
    if not report.rows:
        count = report.tally.count
        page.say(f"{script} made no call of the HTTP modules for {_counted(count, 'message')}.")
        return
    counts = report.call_counts
    refused = f", {counts['refused']} refused" if counts["refused"] else ""
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    page.heading(f"legacy HTTP calls of {script}: {counts['calls']}{refused}{failed}")
    page.rows(
        ("where", "function", "calls", "code", "bytes", "ms"),
        [_call(page, row) for row in report.rows.values()],
    )


def _call(page: _Page, row: CallRow) -> tuple[Sequence[str], str, list[Text]]:
    style = "" if row.is_fine else "red" if row.is_failed else "yellow"
    cells = (
        row.place, row.function, str(row.count), str(row.code), str(row.result_bytes),
        f"{row.time_s / row.count * 1000:.2f}",
    )  # fmt: skip
    below = [Text(_INDENT + row.url)]
    if row.refusal:
        below += [Text(one, style="red")
                  for one in wrapped(f"refused: {row.refusal}", page.width, _INDENT)]  # fmt: skip
    below.append(Text(_INDENT + "replace by", style="dim"))
    below += [Text(_INDENT * 2 + line, style="cyan") for line in row.replacement.splitlines()]
    return cells, style, below


def _mistakes(page: _Page, report: RunReport) -> None:
    for is_error, title, style in ((True, "mistakes of the script", "red"),
                                   (False, "worth knowing", "yellow")):  # fmt: skip
        found = [one for one in report.mistakes if one.is_error is is_error]
        if not found:
            continue
        page.heading(title)
        for one in found:
            times = f" ({one.count} times)" if one.count > 1 else ""
            page.say(f"{one.place}: {one.text}{times}", style)


def _assumed(page: _Page, report: RunReport) -> None:
    if not report.assumed:
        return
    page.heading("assumed answers of what is not emulated; --assume FILE gives others")
    rows: list[tuple[Sequence[str], str, list[Text]]] = [
        ((one.place, one.function, str(one.count), _answer(one.answer, one.is_given)), "", [])
        for one in report.assumed[:SHOWN_ASSUMED]
    ]
    page.rows(("where", "function", "calls", "answer"), rows)
    if len(report.assumed) > SHOWN_ASSUMED:
        page.say(f"... and {len(report.assumed) - SHOWN_ASSUMED} more: --json has all")


def _answer(value: object, is_given: bool) -> str:
    shown = repr(value) if isinstance(value, str) else "null" if value is None else str(value)
    return f"{shown} (given)" if is_given else shown


def _messages(page: _Page, report: RunReport) -> None:
    shown = [one for one in report.messages if one.number][:SHOWN_MESSAGES]
    failed = [one for one in report.messages
              if one.number and one not in shown and one.end is MessageEnd.FAILED]  # fmt: skip
    shown += failed[: max(0, SHOWN_MESSAGES - len(failed))] if failed else []
    started = [one for one in report.messages if not one.number]
    count = report.tally.count
    more = f" (first {len(shown)} of {count})" if count > len(shown) else ""
    page.heading(f"messages{more}")
    told: dict[str, str] = {}
    for outcome in [*started, *shown]:
        _message(page, outcome, told)


def _message(page: _Page, outcome: MessageOutcome, told: dict[str, str]) -> None:
    """Print a message. ``told`` has the first message with each error."""
    message = outcome.message
    what = f"{message.method} {message.uri}".strip()
    if message.status:
        what = f"{message.status} {message.reason} ({message.method})"
    if not outcome.number:
        what = ""
    style = {"failed": "red", "dropped": "yellow", "timed out": "yellow"}.get(outcome.end.value, "")
    end = f"{outcome.end.value}, {outcome.time_s * 1000:.2f} ms" if outcome.number else ""
    title = "  ".join(part for part in (message.label, what, end) if part)
    for number, part in enumerate(wrapped(title, page.width - len(_INDENT))):
        page.line(Text(_INDENT * (number > 0) + part, style=style))
    for line in _done(outcome):
        page.say(_cut(line), indent=_INDENT)
    error = outcome.error or (f"dropped: {outcome.refusal}" if outcome.refusal else "")
    if error:
        first = told.setdefault(error, message.label)
        shown = error if first == message.label else f"the same error as {first}"
        page.say(shown, style or "red", _INDENT)


def _cut(line: str) -> str:
    """Shorten a text that is too long to read. ``--json`` has the whole of it."""
    shown = f"{line[: LONGEST_LINE // 2]}... ({len(line)} characters)"
    return line if len(line) <= LONGEST_LINE else shown


def _done(outcome: MessageOutcome) -> list[str]:
    done = [*outcome.actions, *(f"reply {reply}" for reply in outcome.replies)]
    lines = [", ".join(done)] if done else []
    lines += [f"header {line}" for line in outcome.headers]
    for query in outcome.queries:
        ran = "" if query.has_run else " (not run)"
        how = "suspended" if query.is_suspending else "not suspended"
        lines.append(f"query, {how}: {query.result}, route {query.route}{ran}")
    if not lines and not outcome.error and not outcome.refusal:
        lines.append("nothing")
    return lines


def _differences(page: _Page, report: RunReport) -> None:
    found = report.differences
    if found is None:
        return
    if not found:
        page.line()
        page.say("The stand-in and the real server did the same for every message.", "green")
        return
    page.heading(f"the stand-in and the real server differ: {_counted(len(found), 'difference')}")
    for one in found:
        where = f"{one.message}, line {one.line}" if one.line else one.message
        page.say(f"{where}: {one.what}", "yellow")
        page.say(f"stand-in: {one.stand_in}", indent=_INDENT)
        page.say(f"server:   {one.server}", indent=_INDENT)


def _latencies(page: _Page, tally: MessageTally) -> None:
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
    page.figures("latency: from a message's arrival to its final reply", figures)


def _engine(page: _Page, report: RunReport) -> None:
    stats = report.stats
    if stats is None or not report.rows:
        return
    page.line()
    page.say(
        f"one engine ({stats.backend}): legacy modules {', '.join(report.modules)}; "
        f"{stats.global_inits} global init, {stats.transfers} transfers ({stats.failed} failed), "
        f"{stats.connections_opened} connections opened, {stats.connections_reused} reused"
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
