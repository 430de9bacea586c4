"""``onehttp migrate config FILE``: plans which lines of a kamailio.cfg move to onehttp."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

import onehttp
from onehttp_compat.cli.config_options import ConfigInputs, config_options
from onehttp_compat.convert.outcomes import exit_status
from onehttp_compat.migration.config_plan import ConfigPlan, plan


@click.command(name="config")
@click.argument("file", type=click.Path(path_type=Path))
@config_options
@click.option("--patch", is_flag=True, help="Print only the proposed patch.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: Path, inputs: ConfigInputs, patch: bool, as_json: bool) -> None:
    """Show which key of connections.yaml replaces each parameter of a kamailio.cfg, and which
    functions its routes call. Propose a patch that removes the modules which only scripts call.

    No file is changed. The exit status is that of onehttp convert: 1: a setting is lost, 3: a line
    was not understood.
    """
    try:
        made = plan(file, inputs)
    except onehttp.ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(_as_dict(made), indent=2))
    elif patch:
        click.echo(_bytes(made.patch), nl=False)
    else:
        _print(made)
    raise SystemExit(exit_status(made.converted.findings))


def _bytes(patch: str) -> bytes:
    """Return the patch in the encoding of the files, which may be no UTF-8."""
    return patch.encode("utf-8", "surrogateescape")


def _as_dict(made: ConfigPlan) -> dict[str, Any]:
    return {
        "version": 1,
        "parameters": [finding._asdict() for finding in made.converted.findings],
        "yaml": made.converted.text,
        "calls": [
            {"function": one.name, "module": one.module, "route": one.route, "count": one.count,
             "replacement": one.replacement}
            for one in made.calls
        ],
        "staying": made.staying,
        "going": made.going,
        "patch": made.patch,
        "by_hand": made.by_hand,
    }  # fmt: skip


def _table(title: str, *headings: str) -> Table:
    columns = [Column(one, overflow="fold") for one in headings]  # code must not be cut off
    return Table(*columns, title=title, title_justify="left")


def _print(made: ConfigPlan) -> None:
    console = Console(highlight=False)
    if made.converted.findings:
        table = _table("parameters", "line", "parameter", "becomes")
        for one in made.converted.findings:
            table.add_row(one.place, one.what, Text(f"{one.became}: {one.text}"))
        console.print(table)
    if made.calls:
        table = _table("called by routes, which keep the native module until they are moved",
                       "function", "route", "calls", "in Python")  # fmt: skip
        for call in made.calls:
            table.add_row(call.name, Text(call.route), str(call.count), Text(call.replacement))
        console.print(table)
    if made.staying:
        console.print(f"These modules stay loaded: {', '.join(made.staying)}.")
    if made.going:
        console.print(f"Only scripts call {', '.join(made.going)}; this patch removes them:")
        console.print(Text(_bytes(made.patch).decode("utf-8", "replace")), soft_wrap=True)
    for line in made.by_hand:
        console.print(Text(f"by hand: {line}", style="yellow"), soft_wrap=True)
    if not (made.converted.findings or made.calls or made.staying or made.going):
        console.print("The configuration has no lines about the HTTP modules.")
