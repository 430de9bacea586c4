"""The group of all subcommands, which are imported when they are used."""

from __future__ import annotations

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
                return command if isinstance(command, click.Command) else None
        return None


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="onehttp")
@click.pass_context
def onehttp(ctx: click.Context) -> None:
    """Tools for onehttp: one HTTP engine per process, and the legacy calls on top of it."""
    if os.environ.get("NO_COLOR"):  # click does not look
        ctx.color = False
