"""The command ``onehttp``. Its subcommands are entry points of the group ``onehttp.commands``,
because some belong to the layer above, which this one must not import."""

from __future__ import annotations

import sys

from onehttp_backends.hints.extras import brought_by


def main() -> None:
    """Run the command line."""
    try:
        import click  # noqa: F401 - is it there?
        import rich  # noqa: F401 - likewise
    except ImportError as error:
        sys.exit(f"onehttp: the command line needs {error.name}: {brought_by('cli')}")
    from onehttp.cli.group import onehttp

    onehttp()
