"""``onehttp migrate``: finds legacy calls and rewrites them to calls of ``onehttp``."""

from __future__ import annotations

import importlib
from typing import Final

import click

_COMMANDS: Final = ("scan", "rewrite", "config")


class _LazyCommands(click.Group):
    """Imports each command only when it is used, because the commands need an extra."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        try:
            module = importlib.import_module(f"{__name__}.{cmd_name}")
        except ModuleNotFoundError as error:
            if error.name not in ("libcst", "jinja2"):
                raise
            raise click.ClickException(
                f"onehttp migrate needs {error.name}: the extra 'migrate' brings it "
                "(in a clone: pip install '.[migrate]')"
            ) from None
        command: click.Command = module.command
        return command


@click.command(cls=_LazyCommands)
def migrate() -> None:
    """Migrate scripts from legacy calls to onehttp, and list the calls that remain."""
