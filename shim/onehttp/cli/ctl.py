"""``onehttp ctl``: queries and controls running processes through their control sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

import click

from onehttp.cli.processes import directory_option, found, pid_option, print_failures
from onehttp.cli.table import printed
from onehttp.control.client import ProcessAnswer, ask_all
from onehttp.control.commands import LEVELS
from onehttp.control.merged import merged

ANSWER_S: Final = 5.0
RELOAD_S: Final = 60.0


@click.group()
def ctl() -> None:
    """Query and control running processes through their control sockets, which init(control=DIR)
    or ONEHTTP_CONTROL=DIR creates.

    Exit status 1: a process did not answer, or it refused the command.
    """


def _options(command: Callable[..., None]) -> Callable[..., None]:
    as_json = click.option(
        "--json", "as_json", is_flag=True, help="Print JSON: a list with an entry for each process."
    )
    return directory_option(pid_option(as_json(command)))


@ctl.command()
@_options
def stats(directory: str | None, pid: int | None, as_json: bool) -> None:
    """Show the counters of each process."""
    answers = _asked(directory, pid, "stats", ANSWER_S)
    if as_json:
        _print_json(answers)
    else:
        told = [each.answer for each in answers if not each.error]
        if told:
            click.echo(printed(merged(told)))
    _end(answers)


@ctl.command()
@_options
def connections(directory: str | None, pid: int | None, as_json: bool) -> None:
    """Show the connections that each process uses."""
    answers = _asked(directory, pid, "connections", ANSWER_S)
    if as_json:
        _print_json(answers)
    else:
        for each in answers:
            for one in each.answer or ():
                place = f"{one['file']}:{one['line']}" if one["file"] else ""
                circuit = f"circuit {one['circuit']}" if one["circuit"] else ""
                parts = (one["name"], one["address"], f"revision {one['revision']}", circuit, place)
                click.echo(f"{each.pid}: " + "  ".join(filter(None, parts)))
    _end(answers)


@ctl.command()
@_options
def reload(directory: str | None, pid: int | None, as_json: bool) -> None:
    """Make each process reload its connections. If they have an error, it keeps the old ones."""
    answers = _asked(directory, pid, "reload", RELOAD_S)
    _tell(answers, as_json, lambda answer: answer["text"])
    if any(each.is_idle for each in answers):
        click.echo(
            "inside Kamailio app_python.reload reloads connections and script in each process",
            err=True,
        )
    _end(answers)


@ctl.command()
@click.option("--timeout", "timeout_s", default=10.0, show_default=True, metavar="SECONDS")
@_options
def drain(timeout_s: float, directory: str | None, pid: int | None, as_json: bool) -> None:
    """Wait until the processes have no open queries."""
    answers = _asked(directory, pid, "drain", timeout_s + ANSWER_S, timeout_s=timeout_s)
    _tell(answers, as_json, lambda answer: f"{answer['open']} queries open")
    _end(answers)
    if not all(each.answer["is_drained"] for each in answers):
        raise SystemExit(1)


@ctl.command("log-level")
@click.argument("level", required=False, type=click.Choice(LEVELS, case_sensitive=False))
@click.option(
    "--logger", default="onehttp", show_default=True, help="The logger, for example onehttp.trace."
)
@_options
def log_level(
    level: str | None, logger: str, directory: str | None, pid: int | None, as_json: bool
) -> None:
    """Show or set the level of a logger."""
    asked = {"logger": logger, "level": level and level.upper()}
    answers = _asked(directory, pid, "log-level", ANSWER_S, **asked)
    _tell(answers, as_json, lambda told: f"{told['logger']} {told['level']} (was {told['before']})")
    _end(answers)


def _asked(
    directory: str | None, pid: int | None, command: str, patience_s: float, **arguments: object
) -> list[ProcessAnswer]:
    return ask_all(found(directory, pid), command, patience_s, **arguments)


def _tell(answers: list[ProcessAnswer], as_json: bool, text: Callable[[Any], str]) -> None:
    if as_json:
        _print_json(answers)
        return
    for each in answers:
        if not each.error:
            click.echo(f"{each.pid}: {text(each.answer)}")


def _print_json(answers: list[ProcessAnswer]) -> None:
    click.echo(json.dumps([asdict(each) for each in answers], indent=2))


def _end(answers: list[ProcessAnswer]) -> None:
    if print_failures(answers):
        raise SystemExit(1)
