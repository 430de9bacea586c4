"""``onehttp top``: a table of running processes, updated every second."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Final

import click

from onehttp.cli.processes import directory_option, found, pid_option
from onehttp.cli.table import WIDTH, table
from onehttp.control.client import ProcessAnswer, ask_all
from onehttp.control.merged import Merged, merged

ANSWER_S: Final = 2.0


@click.command()
@click.option("--interval", default=1.0, show_default=True, metavar="SECONDS",
              type=click.FloatRange(0.1, 3600.0))  # fmt: skip
@click.option("--once", is_flag=True, help="Print one interval and exit.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each interval.")
@directory_option
@pid_option
def top(interval: float, once: bool, as_json: bool, directory: str | None, pid: int | None) -> None:
    """Show a live table of all running processes together: calls per second, percentiles of the
    last interval, circuits, queries, connections, reloads.
    """
    from rich.live import Live

    before, asked_at = _sample(directory, pid)
    if as_json or once:
        while True:
            time.sleep(interval)
            now, at = _sample(directory, pid)
            if as_json:
                click.echo(json.dumps(asdict(now)))
            else:
                from rich.console import Console

                console = Console(width=None if Console().is_terminal else WIDTH)
                console.print(table(now, before, at - asked_at, console.width))
            if once:
                return
            before, asked_at = now, at
    with Live(screen=True, auto_refresh=False) as live:
        live.update(table(before, width=live.console.width), refresh=True)
        try:
            while True:
                time.sleep(interval)
                try:
                    now, at = _sample(directory, pid)
                except click.ClickException as nobody:  # they may come again
                    live.update(f"onehttp: {nobody.format_message()}", refresh=True)
                    continue
                made = table(now, before, at - asked_at, live.console.width)
                live.update(made, refresh=True)
                before, asked_at = now, at
        except KeyboardInterrupt:
            return


def _sample(directory: str | None, pid: int | None) -> tuple[Merged, float]:
    answers = ask_all(found(directory, pid), "stats", ANSWER_S)
    at = time.monotonic()
    told: list[ProcessAnswer] = [each for each in answers if not each.error]
    if not told:
        raise click.ClickException("; ".join(f"{each.pid}: {each.error}" for each in answers))
    return merged([each.answer for each in told]), at
