"""Reads what ``ONEHTTP_LEGACY=record`` has written, and assigns it to the sites of a scan."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from onehttp_compat.calls.recording import VERSION
from onehttp_compat.migration.scanning import Scan
from onehttp_compat.migration.sites import FileScan, Problem, Site

_NOT_FOUND: Final = (
    "seen running, and not found by the scan: generated, or in a file that is not here"
)


@dataclass(frozen=True, slots=True)
class RecordedPlace:
    """The place of a recorded call."""

    path: str
    line: int
    module: str
    name: str


@dataclass(frozen=True, slots=True)
class RecordedCounts:
    """The number of calls at each place."""

    counts: Counter[RecordedPlace]
    problems: tuple[Problem, ...] = ()


def read_recordings(files: Iterable[Path]) -> RecordedCounts:
    """Read files of JSON lines. An invalid line, for example one cut off by a full disk, is
    reported, and the others count."""
    counts: Counter[RecordedPlace] = Counter()
    problems: list[Problem] = []
    for file in files:
        for one in _read(file):
            if isinstance(one, Problem):
                problems.append(one)
            else:
                counts[one[0]] += one[1]
    return RecordedCounts(counts, tuple(problems))


def with_recording(scan: Scan, recording: RecordedCounts) -> Scan:
    """Add the recorded counts to the sites of a scan, and sites for recorded calls that the scan
    has not found."""
    left = Counter(recording.counts)
    paths = _paths(scan, {place.path for place in left})
    by_path: dict[str, list[RecordedPlace]] = {}
    for place in left:
        by_path.setdefault(paths.get(place.path, place.path), []).append(place)
    files = []
    for file in scan.files:
        sites = []
        for site in file.sites:
            is_run = site.kind == "call"
            here = [one for one in by_path.get(site.path, ()) if is_run and _is_at(one, site)]
            seen = sum(recording.counts[one] for one in here)
            together = is_run and sum(_is_beside(other, site) for other in file.sites) > 1
            for one in here:
                left.pop(one, None)
            sites.append(replace(site, seen=seen, is_seen_together=together) if is_run else site)
        files.append(replace(file, sites=tuple(sites)))
    unknown = tuple(_site(place, count) for place, count in left.items())
    beside = FileScan("", unknown, recording.problems)
    return Scan((*files, beside) if unknown or recording.problems else tuple(files))


def _read(file: Path) -> Iterator[tuple[RecordedPlace, int] | Problem]:
    try:
        data = file.read_bytes()
    except OSError as error:
        yield Problem(str(file), 0, f"cannot be read: {error.strerror}")
        return
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            try:
                yield _entry(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                said = (
                    error if "of version" in str(error) else "cut short, or no recording: left out"
                )
                yield Problem(str(file), number, str(said))


def _entry(said: Any) -> tuple[RecordedPlace, int]:
    if int(said["version"]) > VERSION:
        raise ValueError(f"of version {said['version']}; this onehttp reads {VERSION}: update it")
    place = RecordedPlace(
        str(said["path"]), int(said["line"]), str(said["module"]), str(said["name"])
    )
    return place, int(said["count"])


def _is_at(place: RecordedPlace, site: Site) -> bool:
    return site.line <= place.line <= site.end_line and place.name == site.name


def _is_beside(one: Site, other: Site) -> bool:
    """Whether a recording has one count for both sites."""
    is_alike = one.kind == other.kind and one.name == other.name
    return is_alike and one.line <= other.end_line and other.line <= one.end_line


def _paths(scan: Scan, recorded: Iterable[str]) -> dict[str, str]:
    """Return the scanned file for each recorded path: the same path, or else the only file of that
    name, because production may have other folders."""
    by_real = {os.path.realpath(file.path): file.path for file in scan.files}
    by_name: dict[str, list[str]] = {}
    for file in scan.files:
        by_name.setdefault(Path(file.path).name, []).append(file.path)
    found = {}
    for path in recorded:
        same_name = by_name.get(Path(path).name, [])
        real = by_real.get(os.path.realpath(path))
        if real or len(same_name) == 1:
            found[path] = real or same_name[0]
    return found


def _site(place: RecordedPlace, count: int) -> Site:
    return Site(
        path=place.path, line=place.line, column=1, end_line=place.line, kind="seen only",
        module=place.module, name=place.name, code="", replacement="", note=_NOT_FOUND, seen=count,
    )  # fmt: skip
