"""``onehttp schema``: the JSON Schema of connections files for editors, and a reference to read."""

from __future__ import annotations

import json

import click

from onehttp.connections.file.schema.reference import json_schema, tables


@click.command()
@click.option("--format", "form", type=click.Choice(["json", "markdown"]), default="json")
def schema(form: str) -> None:
    """Print the JSON Schema of connections files, or the reference as Markdown tables."""
    if form == "markdown":
        click.echo(tables(), nl=False)
    else:
        click.echo(json.dumps(json_schema(), indent=2))
