"""What a rewrite takes from configurations of the server: their connections and their calls."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.text import Text

import onehttp
from onehttp_compat.config_inputs import ConfigInputs
from onehttp_compat.convert.outcomes import exit_status
from onehttp_compat.migration.config_plan import plan
from onehttp_compat.migration.sites import FileScan


@dataclass(frozen=True, slots=True)
class FromConfig:
    """The connections of a kamailio.cfg, converted."""

    text: str = ""
    connections: dict[str, dict[str, Any]] = field(default_factory=dict)


def from_config(path: Path | None, inputs: ConfigInputs) -> FromConfig:
    """Convert a configuration. A note on standard error says if parts of it were not converted."""
    if path is None:
        return FromConfig()
    try:
        converted = plan(path, inputs).converted
    except onehttp.ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    if exit_status(converted.findings):
        note = f"{path}: not all of it is converted: onehttp migrate config {path} lists the rest"
        Console(stderr=True, highlight=False).print(Text(note, style="yellow"), soft_wrap=True)
    read: Any = yaml.safe_load(converted.text) or {}
    return FromConfig(converted.text, read.get("connections") or {})


def report_configs(configs: Sequence[FileScan], modules: Collection[str]) -> None:
    """List the calls of configurations, which a rewrite of scripts does not change, on standard
    error."""
    console = Console(stderr=True, highlight=False)
    sites = dict.fromkeys(site for one in configs for site in one.sites
                          if not modules or site.module in modules)  # fmt: skip
    for site in sites:
        line = f"{site.path}:{site.line}: {site.name}: {site.note}"
        console.print(Text(line, style="yellow"), soft_wrap=True)
    if sites:
        console.print(
            f"{len(sites)} calls in configurations stay as they are: onehttp migrate config FILE "
            "lists those that can move", soft_wrap=True,
        )  # fmt: skip
