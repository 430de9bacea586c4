"""``onehttp check [FILE...]``: finds all errors of a connections file before it is used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeAlias

import click

from onehttp.connections.file.engine_check import EngineCheck
from onehttp.connections.file.load import load_connections
from onehttp.connections.model import Notice
from onehttp.connections.usual_file import USUAL
from onehttp.errors import ConfigurationError
from onehttp_backends.registry import load

Finding: TypeAlias = "ConfigurationError | Notice"


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE...]")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "github"]), default="text",
    help="github: annotations for a GitHub workflow.",
)  # fmt: skip
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
def check(files: tuple[str, ...], form: str) -> None:
    """Check connections files as a start or a reload does: names, types, secrets, certificates.
    The default FILE is connections.yaml.

    Exit status 1: a file cannot be used. Warnings do not change the status.
    """
    findings: list[Finding] = []
    count = 0
    engine = EngineCheck(load("pycurl")())
    for file in files or (USUAL,):
        try:
            found = load_connections(file, check=engine)
        except ConfigurationError as error:
            findings += error.errors
        else:
            count += len(found)
            findings += found.warnings
    errors = [finding for finding in findings if isinstance(finding, ConfigurationError)]
    if form == "json":
        click.echo(json.dumps([_row(finding) for finding in findings], indent=2))
    elif form == "github":
        for finding in findings:
            click.echo(_annotation(finding))
    else:
        _print(findings, count, len(errors))
    if errors:
        raise SystemExit(1)


def _print(findings: Sequence[Finding], count: int, error_count: int) -> None:
    for finding in findings:
        is_error = isinstance(finding, ConfigurationError)
        click.secho("error: " if is_error else "warning: ", nl=False, fg=_COLOURS[is_error])
        click.echo(str(finding))
    warnings = len(findings) - error_count
    outcome = _counted(error_count, "error") if error_count else _counted(count, "connection")
    click.echo(f"{outcome}, {_counted(warnings, 'warning')}")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


_COLOURS = {True: "red", False: "yellow"}


def _row(finding: Finding) -> dict[str, object]:
    return {
        "severity": _severity(finding),
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "key": finding.key,
        "message": finding.message,
    }


def _severity(finding: Finding) -> str:
    return "error" if isinstance(finding, ConfigurationError) else "warning"


def _annotation(finding: Finding) -> str:
    """Return a workflow command: ``::error file=...,line=...,col=...::message``.

    Source: GitHub Actions, workflow commands, and the escapes of its toolkit.
    """
    place = {"file": finding.file, "line": finding.line, "col": finding.column}
    known = ",".join(f"{name}={_escaped(str(at), ':,')}" for name, at in place.items() if at)
    text = f"{finding.key}: {finding.message}" if finding.key else finding.message
    return f"::{_severity(finding)} {known}::{_escaped(text)}"


def _escaped(text: str, more: str = "") -> str:
    for mark in f"%\r\n{more}":
        text = text.replace(mark, f"%{ord(mark):02X}")
    return text
