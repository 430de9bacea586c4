"""``onehttp migrate rewrite PATH...``: rewrites the legacy calls for which this is safe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.text import Text

from onehttp import ConfigurationError
from onehttp_compat.cli.config_options import ConfigInputs, config_options
from onehttp_compat.cli.migrate.configurations import FromConfig, from_config, report_configs
from onehttp_compat.cli.migrate.progress import progress_bar
from onehttp_compat.cli.migrate.scan import NOT_READ
from onehttp_compat.migration.baseline import new_sites
from onehttp_compat.migration.config_sites import scan_config
from onehttp_compat.migration.rewrite.connections import with_entries
from onehttp_compat.migration.rewrite.rewriting import FileRewrite, rewrite
from onehttp_compat.migration.scanning import scan
from onehttp_compat.migration.sites import Problem
from onehttp_compat.migration.sources import SourceText, files_of
from onehttp_compat.registry import MODULES

_named = re.compile(r'onehttp\.connection\("([^"\\]+)"\)').findall


@click.command(name="rewrite")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--module", "modules", multiple=True, type=click.Choice(MODULES),
              help="Rewrite only calls of this legacy module; repeatable.")  # fmt: skip
@click.option("--write", is_flag=True, help="Change the files instead of printing a diff.")
@click.option("--connections", type=click.Path(path_type=Path), metavar="FILE",
              default=Path("connections.yaml"), show_default=True,
              help="The connections file for options that calls have no argument for: credentials, "
              "TLS, HTTP/2.")  # fmt: skip
@click.option("--config", type=click.Path(path_type=Path), metavar="KAMAILIO.CFG",
              help="Also convert the HTTP modules' parameters in this file: they "
              "define the connections that calls name.")  # fmt: skip
@config_options
@click.option("--fail-on-new", "baseline", type=click.Path(path_type=Path), metavar="BASELINE",
              help="Exit with status 1 if there are more legacy calls than this file allows. It "
              "is made if it does not exist, and lowered when there are fewer calls.")  # fmt: skip
def command(
    paths: tuple[Path, ...],
    modules: tuple[str, ...],
    write: bool,
    connections: Path,
    config: Path | None,
    inputs: ConfigInputs,
    baseline: Path | None,
) -> None:
    """Rewrite the legacy calls in PATH. Comments and formatting stay. The new code shows what the
    old call did implicitly. A call that cannot be rewritten safely gets a note with the reason.

    The command prints a unified diff. Exit status 1: --fail-on-new has found new calls; 3: a file
    could not be read.
    """
    known = from_config(config, inputs)
    with progress_bar("rewriting") as progress:
        done = rewrite(paths, modules, progress, known.connections)
    configs = [scan_config(path) for path in files_of(paths) if path.suffix == ".cfg"]
    done += [problem for one in configs for problem in one.problems]
    changed = [one for one in done if isinstance(one, FileRewrite) and one.is_changed]
    entries = {name: entry for one in changed for name, entry in one.connections.items()}
    file = _file_of(connections, entries, known)
    for one in [*changed, *file]:
        if write:
            _write(one)
        else:
            click.echo(one.diff(), nl=False)
    _report(done, write)
    _report_missing(changed, connections, file[0].after if file else _text_of(connections))
    report_configs(configs, modules)
    if baseline is not None:
        _ratchet(paths, baseline)
    raise SystemExit(NOT_READ if any(isinstance(one, Problem) for one in done) else 0)


def _file_of(
    path: Path, entries: Mapping[str, Mapping[str, Any]], known: FromConfig
) -> list[FileRewrite]:
    """Return the change of the connections file; nothing if no call needs one."""
    if not entries and not known.text:
        return []
    try:
        before = path.read_text() if path.exists() else ""
        after = with_entries(before or known.text, entries, path)
    except (OSError, ValueError, yaml.YAMLError, ConfigurationError) as error:
        raise click.ClickException(f"{path}: {error}") from None
    made = FileRewrite(SourceText(str(path), before), after)
    return [made] if made.is_changed else []


def _write(one: FileRewrite) -> None:
    try:
        one.write()
    except OSError as error:
        path = one.source.path
        raise click.ClickException(f"{path}: cannot be written: {error.strerror}") from None


def _report(done: Sequence[FileRewrite | Problem], is_written: bool) -> None:
    """Report on standard error what was rewritten and what was left."""
    console = Console(stderr=True, highlight=False)
    files = [one for one in done if isinstance(one, FileRewrite)]
    for one in files:
        for left in one.left:
            line = f"{left.path}:{left.line}: {left.name}: {left.reason}"
            console.print(Text(line, style="yellow"), soft_wrap=True)
    for problem in done:
        if isinstance(problem, Problem):
            console.print(Text(f"not read: {problem}", style="red"), soft_wrap=True)
    count = sum(len(one.done) for one in files)
    left_over = sum(len(one.left) for one in files)
    verb = "rewritten" if is_written else "can be rewritten (--write)"
    console.print(f"{count} calls {verb}, {left_over} left with a note")


def _report_missing(changed: Sequence[FileRewrite], path: Path, text: str) -> None:
    """Report connections that rewritten calls name and the file does not define, each at its first
    use."""
    try:
        known = set((yaml.safe_load(text) or {}).get("connections") or ())
    except (yaml.YAMLError, AttributeError, TypeError):
        return  # the error is reported when the file is loaded
    for one in (each for file in changed for each in file.done):
        for name in _named(one.after):
            if name not in known:
                known.add(name)
                line = f'{one.path}:{one.line}: {path} has no connection "{name}": add it there'
                Console(stderr=True, highlight=False).print(
                    Text(line, style="yellow"), soft_wrap=True
                )


def _text_of(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise click.ClickException(f"{path}: {error}") from None


def _ratchet(paths: Sequence[Path], baseline: Path) -> None:
    try:
        more = new_sites(scan(paths).sites, baseline)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    if more:
        raise click.ClickException("\n".join(["new legacy calls:", *more]))
