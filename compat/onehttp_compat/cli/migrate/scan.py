"""``onehttp migrate scan PATH...``: finds the legacy calls that remain."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from onehttp_compat.cli.migrate.progress import progress_bar, scanned
from onehttp_compat.cli.migrate.table import print_scan
from onehttp_compat.migration.machine_formats import github, sarif
from onehttp_compat.migration.page import render
from onehttp_compat.migration.records import read_recordings, with_recording
from onehttp_compat.migration.rewrite.rewriting import FileRewrite, rewrite_file
from onehttp_compat.migration.scanning import Scan, cpus, each_of

NOT_READ = 3
"""The exit status if a file could not be read."""


@click.command(name="scan")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option("--sarif", "form", flag_value="sarif", help="Print SARIF 2.1.0.")
@click.option("--format", "form", type=click.Choice(["table", "json", "sarif", "github"]),
              default="table", help="github: annotations for a GitHub workflow.")  # fmt: skip
@click.option("--recorded", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
              help="A file that ONEHTTP_LEGACY=record has written; repeatable.")  # fmt: skip
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE",
              help="Also write the report as a single HTML page that works offline.")  # fmt: skip
@click.option(
    "--processes",
    type=click.IntRange(1),
    help="The number of processes that read files; default: one for each processor.",
)
def command(
    paths: tuple[Path, ...],
    form: str,
    recorded: tuple[Path, ...],
    html: Path | None,
    processes: int | None,
) -> None:
    """Find the legacy calls in PATH: Python files, kamailio.cfg files, and folders of them.

    Exit status 3: a file could not be read; all others were.
    """
    scan = scanned(paths, processes)
    if recorded:
        scan = with_recording(scan, read_recordings(recorded))
    if html is not None:
        _write_page(html, scan, processes)
    if form == "json":
        click.echo(json.dumps(scan.as_dict(), indent=2))
    elif form == "sarif":
        click.echo(json.dumps(sarif(scan), indent=2))
    elif form == "github":
        for line in github(scan):
            click.echo(line)
    else:
        print_scan(scan)
    raise SystemExit(NOT_READ if scan.problems else 0)


def _write_page(html: Path, scan: Scan, processes: int | None) -> None:
    made = f"{datetime.now().astimezone():%Y-%m-%d %H:%M}"
    files = [Path(one.path) for one in scan.files if one.sites and not one.path.endswith(".cfg")]
    rewrites: list[FileRewrite] = []
    with progress_bar("comparing") as progress:
        for number, one in enumerate(each_of(files, rewrite_file, processes or cpus()), 1):
            rewrites += [one] if isinstance(one, FileRewrite) else []
            progress(number, len(files))
    try:
        html.write_text(render(scan, rewrites, made), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{html}: cannot be written: {error.strerror}") from None
