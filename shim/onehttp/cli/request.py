"""``onehttp request METHOD URL``: makes a single call, and shows its timings if asked to."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

import onehttp as api
from onehttp.connections.usual_file import usual_file


def _pair(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise click.BadParameter(f"expected 'Name: value', got {text!r}", param_hint="--header")
    return name.strip(), value.strip()


@click.command()
@click.argument("method")
@click.argument("url")
@click.option("-H", "--header", "headers", multiple=True, help="Name: value; repeatable.")
@click.option("-d", "--data", help="The body as text, or @FILE to read it from a file.")
@click.option("--json", "json_text", help="The body as JSON text.")
@click.option("--connections", type=click.Path(path_type=Path), metavar="FILE",
              help="The connections file for --connection; default: connections.yaml.")  # fmt: skip
@click.option("--connection", "name", help="A named connection; URL is then a path on it.")
@click.option("--timeout", type=float, help="The time limit of the whole call, in seconds.")
@click.option("--follow", is_flag=True, help="Follow redirects, at most 10.")
@click.option("-i", "--include", is_flag=True, help="Also show the status and the headers.")
@click.option("--timings", is_flag=True, help="Show a table of phases.")
@click.option("--output", type=click.Choice(["body", "json"]), default="body")
@click.option("--backend", default="pycurl", show_default=True)
def request(
    method: str,
    url: str,
    headers: tuple[str, ...],
    data: str | None,
    json_text: str | None,
    connections: Path | None,
    name: str | None,
    timeout: float | None,
    follow: bool,
    include: bool,
    timings: bool,
    output: str,
    backend: str,
) -> None:
    """Perform one request and print the body of its response."""
    call: dict[str, Any] = {"headers": tuple(_pair(text) for text in headers) or None}
    call["body"] = _body(data)
    call["json"] = _json(json_text)
    call["timeout"] = timeout
    call["follow_redirects"] = follow or None
    try:
        api.init(connections or (usual_file() if name else None), backend=backend)
        target = api.connection(name) if name else api
        response = target.request(method, url, **call)
    except api.OnehttpError as error:
        raise click.ClickException(str(error)) from None
    finally:
        api.shutdown()
    if output == "json":
        click.echo(json.dumps(_described(response), indent=2))
    else:
        _print(response, include)
    if timings:
        _print_timings(response)


def _body(data: str | None) -> bytes | str | None:
    if data is None or not data.startswith("@"):
        return data
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{data[1:]}: {error.strerror}", param_hint="--data") from None


def _json(text: str | None) -> object:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--json") from None


def _print(response: api.Response, include: bool) -> None:
    if include:
        click.echo(f"HTTP/{response.http_version} {response.status} {response.reason}".rstrip())
        for name, value in response.headers.pairs:
            click.echo(f"{name}: {value}")
        click.echo()
    if sys.stdout.isatty():
        click.echo(response.text, nl=not response.text.endswith("\n"))
    else:
        click.echo(response.body, nl=False)


def _described(response: api.Response) -> dict[str, Any]:
    return {
        "status": response.status,
        "reason": response.reason,
        "http_version": response.http_version,
        "url": response.url,
        "redirects": response.redirect_count,
        "headers": [list(pair) for pair in response.headers.pairs],
        "body": response.text,
        "truncated": response.truncated,
        "timings_us": response.timings._asdict(),
        "peer": list(response.peer),
        "reused_connection": response.is_reused,
    }


def _print_timings(response: api.Response) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("until the end of", "ms", title="timings")
    for name, micros in response.timings._asdict().items():
        table.add_row(name.removesuffix("_us"), f"{micros / 1000:.2f}")
    Console(stderr=True).print(table)
