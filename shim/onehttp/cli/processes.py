"""Selects the running processes for a command, and prints their errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from onehttp.control.client import VARIABLE, ProcessAnswer, sockets

F = TypeVar("F", bound=Callable[..., Any])


def directory_option(function: F) -> F:
    """Add ``--directory``, with its default."""
    return click.option(
        "--directory",
        metavar="DIR",
        envvar=VARIABLE,
        show_envvar=True,
        help="The directory of the control sockets, as in init(control=DIR).",
    )(function)


def pid_option(function: F) -> F:
    """Add ``--pid``."""
    return click.option("--pid", type=int, help="Only this process.")(function)


def found(directory: str | None, pid: int | None) -> list[Path]:
    """Return the sockets of the selected processes. Without any, the command ends with an error."""
    if not directory:
        raise click.UsageError(
            f"no directory of control sockets: give --directory, or set {VARIABLE}"
        )
    try:
        paths = sockets(directory)
    except OSError as error:
        raise click.ClickException(f"{directory}: {error.strerror}") from None
    wanted = [path for path in paths if pid is None or path.stem == str(pid)]
    if not wanted:
        which = f"no process {pid}" if pid is not None else "no process"
        raise click.ClickException(f"{directory}: {which} has a control socket here")
    return wanted


def print_failures(answers: list[ProcessAnswer]) -> bool:
    """Print the errors of processes that did not answer. Returns whether there were any."""
    failed = [each for each in answers if each.error]
    for each in failed:
        click.echo(f"{each.pid}: {each.error}", err=True)
    return bool(failed)
