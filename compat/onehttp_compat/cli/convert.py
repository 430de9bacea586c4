"""``onehttp convert FILE``: makes a connections.yaml from legacy declarations, and reports
losses."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

import click

import onehttp
from onehttp_compat.cli.config_options import ConfigInputs, config_options
from onehttp_compat.cli.line_hints import with_hints
from onehttp_compat.convert.conversion import convert
from onehttp_compat.convert.outcomes import exit_status
from onehttp_compat.convert.reading import read_declared
from onehttp_compat.convert.summary import Summary


@click.command(name="convert")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write the YAML to this file."
)
@click.option("--force", is_flag=True, help="Overwrite the output file if it exists.")
@click.option("--config-file", type=click.Path(path_type=Path),
              help="Read this file instead of the config_file in a kamailio.cfg.")  # fmt: skip
@config_options
@click.option("--secrets", type=click.Choice(["plain", "env"]), default="plain",
              help="plain: keep passwords; env: refer to environment variables.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the YAML and the report as JSON.")
def command(
    file: Path,
    output: Path | None,
    force: bool,
    config_file: Path | None,
    inputs: ConfigInputs,
    secrets: Literal["plain", "env"],
    as_json: bool,
) -> None:
    """Convert the HTTP settings in FILE to connections.yaml. FILE is a kamailio.cfg, which is read
    with its includes, or a connections file of the module http_client.

    The report goes to standard error. Exit status 0: all settings are converted; 1: a setting is
    lost; 3: a line was not understood.
    """
    try:
        declared = read_declared(file, inputs, config_file)
    except onehttp.ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    converted = convert(declared, file.name, secrets)
    findings = list(with_hints(converted.findings))
    summary = Summary.of(declared)
    if output is not None:
        _write(output, converted.text, force)
    if as_json:
        report = [finding._asdict() for finding in findings]
        answer = {"yaml": converted.text, "report": report, "summary": summary.as_dict()}
        click.echo(json.dumps(answer, indent=2))
    else:
        from onehttp_compat.cli.conversion_report import print_report

        if output is None:
            click.echo(converted.text, nl=False)
        print_report(file, findings, summary)
    raise SystemExit(exit_status(findings))


def _write(output: Path, text: str, force: bool) -> None:
    """Write the file so that only its owner can read it, because it may contain passwords."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        descriptor = os.open(output, flags, 0o600)
    except FileExistsError:
        raise click.ClickException(f"{output}: exists already; --force overwrites it") from None
    except OSError as error:
        raise click.ClickException(f"{output}: cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
