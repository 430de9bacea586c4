"""``onehttp convert FILE``: a connections.yaml out of legacy declarations, and what it lost."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

import click

import onehttp
from onehttp_compat.convert.conversion import Converted, convert
from onehttp_compat.convert.declarations import read_declarations

STYLES = {"converted": "green", "changed": "yellow", "lost": "red"}


@click.command(name="convert")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the YAML there.")
@click.option("--force", is_flag=True, help="Also where there is a file already.")
@click.option("--config-file", type=click.Path(path_type=Path),
              help="Stands for the config_file that a kamailio.cfg names.")  # fmt: skip
@click.option("--secrets", type=click.Choice(["plain", "env"]), default="plain",
              help="Keep passwords, or refer to environment variables.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print YAML and report as JSON.")
def command(
    file: Path,
    output: Path | None,
    force: bool,
    config_file: Path | None,
    secrets: Literal["plain", "env"],
    as_json: bool,
) -> None:
    """Convert the connections of FILE: a kamailio.cfg (httpcon, curlcon, config_file), or a
    connections file of the module http_client.

    The report goes to standard error. Exit status 1: something was lost.
    """
    try:
        converted = convert(read_declarations(file, config_file), file.name, secrets)
    except onehttp.ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    if output is not None:
        _write(output, converted.text, force)
    if as_json:
        report = [finding._asdict() for finding in converted.findings]
        click.echo(json.dumps({"yaml": converted.text, "report": report}, indent=2))
    else:
        if output is None:
            click.echo(converted.text, nl=False)
        _print_report(converted)
    if any(finding.became == "lost" for finding in converted.findings):
        raise SystemExit(1)


def _write(output: Path, text: str, force: bool) -> None:
    """Readable by its owner only: it may hold passwords."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        descriptor = os.open(output, flags, 0o600)
    except FileExistsError:
        raise click.ClickException(f"{output}: exists already; --force overwrites it") from None
    except OSError as error:
        raise click.ClickException(f"{output}: cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


def _print_report(converted: Converted) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="conversion", title_justify="left")
    for heading in ("where", "declaration", "became"):
        table.add_column(heading, overflow="fold")
    for place, what, became, text in converted.findings:
        cell = f"[{STYLES[became]}]{became}[/{STYLES[became]}]: {_plain(text)}"
        table.add_row(_plain(place), _plain(what), cell)
    console: Any = Console(stderr=True)
    console.print(table)


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
