"""Scans many files, in parallel processes if there are enough of them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from onehttp_compat.migration.config_sites import scan_config
from onehttp_compat.migration.python_sites import scan_python
from onehttp_compat.migration.sites import FileScan, Problem, Site
from onehttp_compat.migration.sources import SourceText, files_of, read_source

T = TypeVar("T")
FEW: Final = 100
"""Up to this many files are scanned in one process, because starting others takes longer."""
_CHUNK: Final = 8


@dataclass(frozen=True, slots=True)
class Scan:
    """The sites in all files."""

    files: tuple[FileScan, ...]

    @property
    def sites(self) -> list[Site]:
        """All sites, file by file. A file that several configurations include counts once."""
        return list(dict.fromkeys(site for file in self.files for site in file.sites))

    @property
    def problems(self) -> list[Problem]:
        """The files that could not be read."""
        return list(dict.fromkeys(one for file in self.files for one in file.problems))

    def as_dict(self) -> dict[str, Any]:
        """Return the scan as JSON values."""
        return {
            "version": 1,
            "files": len(self.files),
            "sites": [site.as_dict() for site in self.sites],
            "problems": [
                {"path": one.path, "line": one.line, "text": one.text} for one in self.problems
            ],
        }


def scan(
    paths: Iterable[Path],
    processes: int | None = None,
    progress: Callable[[int, int], object] = lambda done, of: None,
) -> Scan:
    """Scan files and folders.

    Args:
        processes: the number of processes; None: one for each processor.
        progress: is called with the number of files that are done, and the number of all files.
    """
    files = list(files_of(paths))
    count = processes or cpus()
    scans: list[FileScan] = []
    for done in each_of(files, scan_file, count):
        scans.append(done)
        progress(len(scans), len(files))
    return Scan(tuple(_of_scripts(scans)))


def cpus() -> int:
    """The number of files that are worth scanning in parallel."""
    return os.cpu_count() or 1


def scan_file(path: Path) -> FileScan:
    """Scan one file."""
    if path.suffix == ".cfg":
        return scan_config(path)
    source = read_source(path)
    if isinstance(source, SourceText):
        return scan_python(source)
    return FileScan(str(path), problems=(source,))


def each_of(files: Sequence[Path], work: Callable[[Path], T], processes: int) -> Iterator[T]:
    """Call a function of a module for each file, in order, and in parallel if there are many."""
    if processes == 1 or len(files) <= FEW:
        yield from map(work, files)
        return
    # Spawned, because a fork would copy the thread of the progress bar in an undefined state.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield from pool.map(work, files, chunksize=_CHUNK)


def _of_scripts(scans: Sequence[FileScan]) -> list[FileScan]:
    """Keep calls of other clients only in scripts of the server and in the modules that these
    import."""
    by_name: dict[str, list[FileScan]] = {}
    for one in scans:
        by_name.setdefault(Path(one.path).stem, []).append(one)
    reached: set[str] = set()
    waiting = [one for one in scans if one.is_script]
    while waiting:
        one = waiting.pop()
        if one.path not in reached:
            reached.add(one.path)
            waiting += [other for name in one.imports for other in by_name.get(name, ())]
    return [one if one.path in reached else _without_clients(one) for one in scans]


def _without_clients(one: FileScan) -> FileScan:
    return replace(one, sites=tuple(s for s in one.sites if s.kind != "past the engine"))
