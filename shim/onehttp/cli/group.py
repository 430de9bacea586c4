"""The group of all subcommands, which are imported when they are used."""

from __future__ import annotations

import math
import os
from importlib.metadata import entry_points

import click

from onehttp.version import VERSION

GROUP = "onehttp.commands"


class Commands(click.Group):
    """Subcommands by entry point."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({entry.name for entry in entry_points(group=GROUP)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for entry in entry_points(group=GROUP):
            if entry.name == cmd_name:
                command = entry.load()
                if not isinstance(command, click.Command):
                    return None
                _take_finite_numbers(command)
                return command
        return None


def _take_finite_numbers(command: click.Command) -> None:
    """Refuse ``nan`` and ``inf``, which click takes for numbers, even of a range."""
    for option in command.params:
        if option.callback is None:
            option.callback = _finite
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            _take_finite_numbers(subcommand)


def _finite(_ctx: click.Context, _option: click.Parameter, value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        raise click.BadParameter(f"expected a number, got {value}")
    return value


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="onehttp")
@click.pass_context
def onehttp(ctx: click.Context) -> None:
    """Tools for onehttp: one HTTP engine per process, and the legacy calls on top of it."""
    if os.environ.get("NO_COLOR"):  # click does not look
        ctx.color = False
