"""Which running processes a command is about, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from onehttp.control.client import VARIABLE, ProcessAnswer, sockets

F = TypeVar("F", bound=Callable[..., Any])


def directory_option(function: F) -> F:
    """``--directory``, and what it is where it is not given."""
    return click.option(
        "--directory",
        metavar="DIR",
        envvar=VARIABLE,
        show_envvar=True,
        help="Where the processes have their control sockets: init(control=DIR).",
    )(function)


def pid_option(function: F) -> F:
    """``--pid``."""
    return click.option("--pid", type=int, help="This process alone.")(function)


def found(directory: str | None, pid: int | None) -> list[Path]:
    """The sockets of the processes that are meant; ends the command where there is none."""
    if not directory:
        raise click.UsageError(f"which processes? Give --directory, or set {VARIABLE}")
    try:
        paths = sockets(directory)
    except OSError as error:
        raise click.ClickException(f"{directory}: {error.strerror}") from None
    wanted = [path for path in paths if pid is None or path.stem == str(pid)]
    if not wanted:
        which = f"no process {pid}" if pid is not None else "no process"
        raise click.ClickException(f"{directory}: {which} has a control socket here")
    return wanted


def tell_failures(answers: list[ProcessAnswer]) -> bool:
    """Print why some did not answer; whether there were such."""
    failed = [each for each in answers if each.error]
    for each in failed:
        click.echo(f"{each.pid}: {each.error}", err=True)
    return bool(failed)
