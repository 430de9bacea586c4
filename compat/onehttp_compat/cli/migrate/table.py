"""Prints a scan as a table."""

from __future__ import annotations

from collections import Counter
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from onehttp_compat.migration.scanning import Scan
from onehttp_compat.migration.sites import Site

_STYLES: Final = {
    "past the engine": "red",
    "reference": "yellow",
    "configuration": "cyan",
    "seen only": "red",
}
_INDENT: Final = "    "


def print_scan(scan: Scan) -> None:
    """Print each site with its replacement, then the totals."""
    console = Console(highlight=False)
    for site in scan.sites:
        _print_site(console, site)
    for problem in scan.problems:
        console.print(Text(f"not read: {problem}", style="red"), soft_wrap=True)
    counts = Counter((site.module, site.kind) for site in scan.sites)
    if counts:
        table = Table("module", "kind", "sites", title="what is left", title_justify="left")
        for (module, kind), count in sorted(counts.items()):
            table.add_row(module, kind, str(count))
        console.print(table)
    paths = len({site.path for site in scan.sites})
    console.print(
        f"{len(scan.files)} files read, {len(scan.sites)} sites in {paths} of them, "
        f"{len(scan.problems)} problems"
    )


def _print_site(console: Console, site: Site) -> None:
    dead = " (never reached)" if site.is_unreachable else ""
    seen = f", {site.seen_running}" if site.seen_running else ""
    title = f"{site.path}:{site.line}: {site.name}{dead}{seen}"
    console.print(Text(title, style=_STYLES.get(site.kind, "bold")), soft_wrap=True)
    if site.note:
        console.print(Text(_INDENT + site.note, style="dim"), soft_wrap=True)
    for line in site.replacement.splitlines():
        console.print(Text(_INDENT + line, style="green"), soft_wrap=True)
