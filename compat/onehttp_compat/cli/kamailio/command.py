"""``onehttp kamailio init DIR`` and ``onehttp kamailio check FILE``."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Final

import click

import onehttp
from onehttp_compat.cli.config_options import config_options
from onehttp_compat.config_inputs import ConfigInputs

_fits_everywhere: Final = re.compile(r"(?:[\w./+@,:~]|-(?!-))+").fullmatch


@click.group()
def kamailio() -> None:
    """Set up a Kamailio server whose HTTP calls go through onehttp."""


@kamailio.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=5060,
    show_default=True,
    help="The port that the server listens on.",
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
def init(folder: Path, port: int, force: bool) -> None:
    """Write the files of an example server to DIR: a configuration, a script, connections and a
    systemd drop-in. The server suspends each call, makes an HTTP query and resumes the call."""
    from onehttp_compat.cli.kamailio.files import FILES, filled

    folder = folder.resolve()
    for path in (str(folder), sys.prefix):
        if not _fits_everywhere(path):
            raise click.ClickException(
                f"{path}: kamailio.cfg, a systemd unit and a sipp scenario will contain this path: "
                "use only letters, digits, single dashes and ./+@,:~_"
            )
    folder.mkdir(parents=True, exist_ok=True)
    taken = [name for name in FILES if (folder / name).exists()]
    if taken and not force:
        raise click.ClickException(
            f"{folder} already has {', '.join(taken)}; --force overwrites them"
        )
    values = {"folder": str(folder), "port": str(port), "prefix": sys.prefix}
    for name in FILES:
        (folder / name).write_text(filled(name, values))
        click.echo(folder / name)
    click.echo(
        f"try it: PATH={sys.prefix}/bin:$PATH kamailio -DD -E -f {folder}/kamailio.cfg "
        f"-P {folder}/kamailio.pid -Y {folder}"
    )


@kamailio.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@config_options
@click.option("--synchronous", is_flag=True, help="The script suspends no transactions.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(file: Path, inputs: ConfigInputs, synchronous: bool, as_json: bool) -> None:
    """Check FILE, a kamailio.cfg, for missing and dangerous lines. Run this with the Python that
    the server will use. Exit status 1: the server would not start, would crash, or would lose
    answers."""
    from onehttp_compat.cli.kamailio.check import findings
    from onehttp_compat.cli.kamailio.table import print_findings

    try:
        found = list(findings(file, inputs, is_asynchronous=not synchronous))
    except onehttp.ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in found], indent=2))
    else:
        print_findings(file, found)
    raise SystemExit(any(finding.level != "fact" for finding in found))
