"""Numbers on the command line are numbers: click takes ``nan`` and ``inf`` for such, too."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp


def options(command: click.Command, *names: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """All that take a number, with the names of their commands."""
    for option in command.params:
        if isinstance(option.type, click.types.FloatParamType):
            yield names, option.opts[0]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            assert subcommand is not None
            yield from options(subcommand, *names, name)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_no_option_takes_what_is_no_number(number: str) -> None:
    found = list(options(onehttp))
    assert (("ctl", "drain"), "--timeout") in found
    assert (("worker",), "--lease") in found
    for names, option in found:
        result = CliRunner().invoke(onehttp, [*names, f"{option}={number}"])
        assert result.exit_code == 2, (names, option)
        assert option in result.output, (names, option)
