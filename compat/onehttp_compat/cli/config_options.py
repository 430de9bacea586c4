"""Options of commands that read a kamailio.cfg, for its definitions, environment and includes."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from onehttp_compat.config_inputs import ConfigInputs

__all__ = ["ConfigInputs", "config_options"]

_name = re.compile(r"[A-Za-z_]\w*", re.ASCII).fullmatch
_entry = re.compile(
    r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*", re.ASCII | re.DOTALL
).fullmatch


def config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--define``, ``--env-file`` and ``--include-path``, whose values arrive as
    ``inputs``."""

    @click.option("--define", "defines", multiple=True, metavar="NAME[=VALUE]",
                  help="A definition for the kamailio.cfg; repeatable.")  # fmt: skip
    @click.option("--env-file", "env_files", multiple=True, type=click.Path(path_type=Path),
                  help="A file of NAME=VALUE lines: the environment; repeatable.")  # fmt: skip
    @click.option("--include-path", multiple=True, metavar="DIR", type=click.Path(path_type=Path),
                  help="A folder to search for included files; repeatable.")  # fmt: skip
    @functools.wraps(command)
    def with_inputs(
        *arguments: Any,
        defines: tuple[str, ...],
        env_files: tuple[Path, ...],
        include_path: tuple[Path, ...],
        **options: Any,
    ) -> Any:
        environment = dict(os.environ)
        for path in env_files:
            environment.update(_read_environment(path))
        inputs = ConfigInputs(
            defines=dict(map(_define, defines)),
            environment=environment,
            include_path=include_path,
        )
        return command(*arguments, inputs=inputs, **options)

    return with_inputs


def _define(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    if not _name(name):
        raise click.BadParameter(
            f"expected NAME or NAME=VALUE, got {text!r}", param_hint="--define"
        )
    return name, value if equals else None


def _read_environment(path: Path) -> Iterator[tuple[str, str]]:
    """Read lines in the format of systemd and Docker: ``NAME=VALUE``, with or without quotes."""
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise click.ClickException(f"{path}: cannot be read: {error.strerror}") from None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        entry = _entry(line)
        if entry is None:
            raise click.ClickException(f"{path}:{number}: expected NAME=VALUE")
        value = entry[2]
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        yield entry[1], value
