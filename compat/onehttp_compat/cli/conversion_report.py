"""The report of ``onehttp convert``: the result for each line, and a summary."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from onehttp_compat.convert.outcomes import Became, ConversionFinding
from onehttp_compat.convert.summary import Summary

_STYLES: Final[dict[Became, str]] = {
    "converted": "green",
    "changed": "yellow",
    "lost": "red",
    "not understood": "red",
    "off": "cyan",
    "unknown": "yellow",
}
_MOST_NAMES: Final = 8


def print_report(file: Path, findings: list[ConversionFinding], summary: Summary) -> None:
    """Print the report on standard error."""
    width = max(60, min(shutil.get_terminal_size((80, 24)).columns, 120))
    for finding in findings:
        _print_finding(finding, file, width)
    counts = Counter(finding.became for finding in findings)
    said = ", ".join(f"{counts[became]} {became}" for became in _STYLES if counts[became])
    if not summary.http:
        click.echo(f"{file} declares nothing of the HTTP modules.", err=True)
        for line in _what_there_is(summary):
            click.echo(textwrap.fill(line, width, subsequent_indent="  "), err=True)
    elif said:
        click.echo(f"{_counted(len(findings), 'line')}: {said}.", err=True)


def _print_finding(finding: ConversionFinding, file: Path, width: int) -> None:
    place = _shown(finding.place, file)
    click.secho(f"{finding.became:<14} ", nl=False, err=True, fg=_STYLES[finding.became])
    click.echo(f"{place}  {finding.what}".rstrip(), err=True)
    indent = " " * 15
    # A word that is longer than the line, such as a path, is not split.
    text = textwrap.fill(
        _shown(finding.text, file), width, initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    click.echo(text, err=True)


def _shown(place: str, file: Path) -> str:
    """Return paths relative to the folder of the main file, because most files are in it."""
    folder = f"{file.parent}{os.sep}"
    return place.replace(folder, "") if str(file.parent) != os.sep else place


def _what_there_is(summary: Summary) -> Iterator[str]:
    yield (
        f"Read {_counted(len(summary.files), 'file')}: {_counted(len(summary.modules), 'module')}, "
        f"{_counted(summary.parameters, 'parameter')}, {_counted(summary.routes, 'route')}."
    )
    if summary.modules:
        yield f"Modules: {', '.join(summary.modules)}."
    if summary.listens:
        yield f"Listens on: {_some(summary.listens)}."
    if summary.engines:
        yield f"Routes may be written in: {', '.join(summary.engines)}; see onehttp run."
    if summary.calls:
        yield f"HTTP functions called: {', '.join(summary.calls)}."
    if summary.missing:
        yield f"Not here: {_some(summary.missing)} (--include-path)."
    if summary.conditions:
        off = [f"{name} ({count})" for name, count in summary.conditions.items()]
        yield f"Left out by conditions: {_some(off)}; --define NAME switches one on."


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
