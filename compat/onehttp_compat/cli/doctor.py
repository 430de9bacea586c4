"""``onehttp doctor``: examines the libraries and the configuration of a process for known risks."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

import onehttp
from onehttp.lowlevel import usual_file
from onehttp_compat.doctor.examining import examine

_STYLES: Final = {"information": "dim", "warning": "yellow", "error": "red"}
_ORDER: Final = ("error", "warning", "information")


@click.command()
@click.option(
    "--pid", type=click.IntRange(1), help="Examine this process; default: a process like this one."
)
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE",
              help="Also check whether this kamailio.cfg has what onehttp needs.")  # fmt: skip
@click.option("--connections", type=click.Path(path_type=Path), metavar="FILE",
              help="The connections file; default: connections.yaml, if it exists.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(pid: int | None, config: Path | None, connections: Path | None, as_json: bool) -> None:
    """Examine a process for known causes of crashes and surprises: several copies of libcurl and of
    TLS libraries, and which module initialises them first; limits, certificates, proxies, name
    servers; versions with known weaknesses; the connections file. For a process of Kamailio the
    command also reads its configuration. It changes nothing and makes no calls.

    Exit status 1: there is a finding of severity error.
    """
    try:
        found = examine(pid, config, connections or usual_file())
    except onehttp.ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    found.sort(key=lambda one: _ORDER.index(one.severity))
    if as_json:
        click.echo(
            json.dumps({"version": 1, "findings": [*map(dataclasses.asdict, found)]}, indent=2)
        )
    else:
        table = Table("severity", "about", Column("finding, and its remedy", overflow="fold"))
        for one in found:
            text = Text(one.text)
            if one.way_out:
                text.append(f"\n-> {one.way_out}", style="green")
            table.add_row(Text(one.severity, style=_STYLES[one.severity]), one.what, text)
        Console(highlight=False).print(table)
    raise SystemExit(any(one.severity == "error" for one in found))
