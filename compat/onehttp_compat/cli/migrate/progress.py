"""Runs a scan with a progress bar on terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from onehttp_compat.migration.scanning import Scan, scan


def scanned(paths: Iterable[Path], processes: int | None = None) -> Scan:
    """Run a scan with a progress bar."""
    with progress_bar("reading") as progress:
        return scan(paths, processes, progress)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], object]]:
    """Return a function that moves a progress bar. The bar is shown on standard error, if that is a
    terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
