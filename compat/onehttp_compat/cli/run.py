"""``onehttp run SCRIPT``: an unmodified legacy script outside its server, and the bill for it."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import click

import onehttp
from onehttp_compat.cli.report import Report, print_report
from onehttp_compat.script.message import DEFAULT_MESSAGE, SipMessage, read_messages
from onehttp_compat.script.runner import Script
from onehttp_compat.server import LegacyServer, use_server


@click.command()
@click.argument("script", type=click.Path(path_type=Path))
@click.option("--connections", type=click.Path(path_type=Path), help="A connections.yaml.")
@click.option(
    "--modparam", "modparams", multiple=True, metavar="MODULE:NAME=VALUE", help="Repeatable."
)
@click.option("--message", "messages", multiple=True, type=click.Path(path_type=Path),
              help="A file or folder of SIP requests; repeatable.")  # fmt: skip
@click.option("--method", help="Method of an app_python script that handles a message.")
@click.option("--repeat", default=1, type=click.IntRange(1, 1_000_000), help="Replay so often.")
@click.option("--backend", default="pycurl", show_default=True)
@click.option("--legacy-bugs", type=click.Choice(["fixed", "faithful"]), default="fixed")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Show what the script logs.")
def run(
    script: Path,
    connections: Path | None,
    modparams: tuple[str, ...],
    messages: tuple[Path, ...],
    method: str | None,
    repeat: int,
    backend: str,
    legacy_bugs: Any,
    as_json: bool,
    verbose: bool,
) -> None:
    """Run a legacy routing script for SIP messages and show its HTTP calls."""
    logging.basicConfig(
        stream=sys.stderr,
        format="%(levelname)s %(name)s: %(message)s",
        level=logging.DEBUG if verbose else logging.ERROR,
    )
    # The report shows each call and its replacement; the warning would say it again.
    warnings.simplefilter("ignore", onehttp.LegacyCallWarning)
    try:
        requests = [one for path in messages for one in read_messages(path)] or [DEFAULT_MESSAGE]
        onehttp.init(connections, backend=backend)
        server = LegacyServer(legacy_bugs)
        use_server(server)
        for text in modparams:
            server.modparam(*_modparam(text))
        server.start()
        report = Report(script)
        server.observers.append(report.note)
        loaded = Script(script, server, method)
        for message in _with_progress(requests * repeat, quiet=as_json):
            report.outcomes.append(loaded.run(message))
        report.stats = onehttp.stats()
    except onehttp.OnehttpError as error:
        raise click.ClickException(str(error)) from None
    finally:
        onehttp.shutdown()
        use_server(None)
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        print_report(report)
    if report.has_errors:
        raise SystemExit(1)


def _modparam(text: str) -> tuple[str, str, int | str]:
    place, equals, value = text.partition("=")
    module, colon, name = place.partition(":")
    if not equals or not colon:
        raise click.BadParameter(
            f"expected MODULE:NAME=VALUE, got {text!r}", param_hint="--modparam"
        )
    return module, name, int(value) if value.lstrip("-").isdecimal() else value


def _with_progress(messages: list[SipMessage], quiet: bool) -> Any:
    if quiet or len(messages) < 20 or not sys.stderr.isatty():
        return messages
    from rich.console import Console
    from rich.progress import track

    return track(messages, description="messages", console=Console(stderr=True))
