"""``onehttp rpc METHOD``: runs RPC commands of the modules with a configuration."""

from __future__ import annotations

import json

import click

import onehttp
from onehttp_compat.cli.run import _modparam
from onehttp_compat.server import LegacyServer


@click.command()
@click.argument("method")
@click.argument("arguments", nargs=-1)
@click.option("--modparam", "modparams", multiple=True, metavar="MODULE:NAME=VALUE")
def rpc(method: str, arguments: tuple[str, ...], modparams: tuple[str, ...]) -> None:
    """Answer a legacy RPC command, such as httpclient.listcon, as JSON."""
    try:
        server = LegacyServer()
        for text in modparams:
            server.modparam(*_modparam(text))
        server.start()
    except onehttp.OnehttpError as error:
        raise click.ClickException(str(error)) from None
    answer = server.rpc(method, arguments)
    click.echo(json.dumps(answer, indent=2))
    if "error" in answer:
        raise SystemExit(1)
