"""A scan with a progress bar, where somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from onehttp_compat.migration.scanning import Scan, scan


def scanned(paths: Iterable[Path], processes: int | None = None) -> Scan:
    """Scan, with a bar."""
    with progress_bar("reading") as progress:
        return scan(paths, processes, progress)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], object]]:
    """A function that moves a bar; the bar goes to standard error, and to a terminal only."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
