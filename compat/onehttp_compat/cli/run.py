"""``onehttp run SCRIPT``: an unmodified legacy script outside its server, and the bill for it."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

import onehttp
from onehttp.lowlevel import DEFAULT_FINAL_TIMER_S
from onehttp_compat.cli.report import Report
from onehttp_compat.script.captures import DEFAULT_MESSAGE, read_messages
from onehttp_compat.script.outcome import MessageOutcome
from onehttp_compat.script.sip_server import serving
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
@click.option(
    "--concurrency",
    default=1,
    type=click.IntRange(1, 10_000),
    show_default=True,
    help="Messages in progress at once; a suspended one is.",
)
@click.option("--fr-timer", default=DEFAULT_FINAL_TIMER_S, show_default=True,
              type=click.FloatRange(0.001, 86_400), metavar="SECONDS",
              help="A suspended transaction answers 408 after so long.")  # fmt: skip
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
    concurrency: int,
    fr_timer: float,
    backend: str,
    legacy_bugs: Any,
    as_json: bool,
    verbose: bool,
) -> None:
    """Run a legacy routing script for SIP messages and show its HTTP calls."""
    is_load_test = repeat > 1 or concurrency > 1
    # Of a load test the tables tell what failed; a line for each would hide them.
    quiet_level = logging.CRITICAL if is_load_test else logging.ERROR
    logging.basicConfig(
        stream=sys.stderr,
        format="%(levelname)s %(name)s: %(message)s",
        level=logging.DEBUG if verbose else quiet_level,
    )
    # The report shows each call and its replacement; the warning would say it again.
    warnings.simplefilter("ignore", onehttp.LegacyCallWarning)
    try:
        requests = [one for path in messages for one in read_messages(path)] or [DEFAULT_MESSAGE]
        server = LegacyServer(legacy_bugs)
        use_server(server)
        for text in modparams:
            server.modparam(*_modparam(text))
        workers = max(1, server.http_async_client.parameters.workers)
        limits = onehttp.QueryLimits(workers=workers, queue_length=0)
        onehttp.init(connections, backend=backend, queries=limits)
        server.start()
        report = Report(script, len(requests), is_load_test=is_load_test)
        server.observers.append(report.note)
        with serving(script, server, method, final_timer_s=fr_timer) as sip:
            outcomes = sip.run(requests, concurrency, repeat)
            for outcome in _with_progress(outcomes, len(requests) * repeat, quiet=as_json):
                report.note_message(outcome)
        report.stats = onehttp.stats()
    except onehttp.OnehttpError as error:
        raise click.ClickException(str(error)) from None
    finally:
        onehttp.shutdown()
        use_server(None)
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        from onehttp_compat.cli.tables import print_report

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


def _with_progress(
    outcomes: Iterable[MessageOutcome], total: int, quiet: bool
) -> Iterable[MessageOutcome]:
    if quiet or total < 20 or not sys.stderr.isatty():
        return outcomes
    from rich.console import Console
    from rich.progress import track

    return track(outcomes, "messages", total, console=Console(stderr=True))
