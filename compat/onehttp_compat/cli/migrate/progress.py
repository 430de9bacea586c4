"""A scan with a progress bar, where somebody looks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from onehttp_compat.migration.scanning import Scan, scan


def scanned(paths: Iterable[Path], processes: int | None = None) -> Scan:
    """Scan; the bar goes to standard error, and to a terminal only."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading", total=None)
        return scan(paths, processes, lambda done, of: bar.update(task, completed=done, total=of))
