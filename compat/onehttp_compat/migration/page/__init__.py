"""Makes an HTML page of a scan, in a single file, for teams that follow the progress of a
migration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from onehttp_compat.calls.secrets import without_secrets
from onehttp_compat.migration.page.lines import DiffLine, compared
from onehttp_compat.migration.page.treemap import Tile, treemap
from onehttp_compat.migration.rewrite.rewriting import CallChange, FileRewrite
from onehttp_compat.migration.scanning import Scan
from onehttp_compat.migration.sites import Site

_environment: Final = Environment(
    loader=PackageLoader("onehttp_compat.migration.page", ""),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site on the page."""

    site: Site
    lines: tuple[DiffLine, ...]
    reason: str
    """Why it has to be changed by hand; empty if ``rewrite`` can change it."""

    @property
    def preview(self) -> str:
        """The first line of the call."""
        return next((line.text for line in self.lines if line.kind != "new"), "").strip()

    @property
    def text(self) -> str:
        """The text that the filter searches."""
        return f"{self.site.path} {self.site.name} {self.site.kind} {self.reason}".lower()


@dataclass(frozen=True, slots=True)
class FileTile:
    """A file in the treemap."""

    number: int
    path: str
    label: str
    """The last parts of its path, as many as are needed to distinguish it from others."""
    sites: int
    by_hand: int
    tile: Tile


@dataclass(frozen=True, slots=True)
class MigrationProgress:
    """The progress of a file or a module."""

    name: str
    moved: int
    """For a file, its calls of ``onehttp``; for a module, the calls that ``rewrite`` can change."""
    left: int

    @property
    def percent(self) -> int:
        """Percent of all calls."""
        return round(100 * self.moved / (self.moved + self.left)) if self.moved + self.left else 100


def render(scan: Scan, rewrites: Iterable[FileRewrite], made: str) -> str:
    """Return the page as text.

    Args:
        rewrites: what ``rewrite`` would change in the files of the scan.
        made: the time as text.
    """
    changes = {(one.path, one.line, one.column): one for file in rewrites for one in file.changes}
    rows = [_row(site, changes.get((site.path, site.line, site.column))) for site in scan.sites]
    template = _environment.get_template("template.html.j2")
    by_file = [(path, list(them)) for path, them in groupby(rows, lambda row: row.site.path)]
    progress = _of_files(scan)
    whole = MigrationProgress("", sum(one.moved for one in progress), len(rows))
    return template.render(
        made=made,
        whole=whole,
        by_hand=sum(bool(row.reason) for row in rows),
        files=by_file,
        numbers={path: number for number, (path, _) in enumerate(by_file, 1)},
        tiles=_tiles(by_file),
        rows=rows,
        problems=scan.problems,
        progress=progress,
        modules=_of_modules(rows),
        kinds=sorted({row.site.kind for row in rows}),
        read=len(scan.files),
    )


def _row(site: Site, change: CallChange | None) -> SiteRow:
    if change is None:
        lines = compared(site.code, site.replacement)
        return SiteRow(site, lines, site.note or "to be changed by hand")
    before, after = (without_secrets(one) for one in (change.before, change.after))
    return SiteRow(site, compared(before, after), change.reason)


def _tiles(files: list[tuple[str, list[SiteRow]]]) -> list[FileTile]:
    numbered = sorted(enumerate(files, 1), key=lambda one: -len(one[1][1]))
    tiles = treemap([len(rows) for _, (_, rows) in numbered])
    labels = labelled([path for path, _ in files])
    return [
        FileTile(number, path, labels[path], len(rows), sum(bool(row.reason) for row in rows), tile)
        for (number, (path, rows)), tile in zip(numbered, tiles, strict=True)
    ]


def labelled(paths: Iterable[str]) -> dict[str, str]:
    """For each path, return its last parts, as many as are needed to distinguish it from all
    others."""
    parts = {path: path.split("/") for path in paths}
    ends = Counter(tuple(each[-n:]) for each in parts.values() for n in range(1, len(each) + 1))
    return {
        path: next(
            ("/".join(each[-n:]) for n in range(1, len(each)) if ends[tuple(each[-n:])] == 1), path
        )
        for path, each in parts.items()
    }


def _of_files(scan: Scan) -> list[MigrationProgress]:
    made = [MigrationProgress(one.path, one.moved, len(one.sites)) for one in scan.files
            if one.sites or one.moved]  # fmt: skip
    return sorted(made, key=lambda one: (-one.left, one.name))


def _of_modules(rows: Iterable[SiteRow]) -> list[MigrationProgress]:
    safe, by_hand = Counter[str](), Counter[str]()
    for row in rows:
        (by_hand if row.reason else safe)[row.site.module] += 1
    names = sorted({*safe, *by_hand})
    return [MigrationProgress(name, safe[name], by_hand[name]) for name in names]
