"""``include:`` the further files that a file names."""

from __future__ import annotations

import os
from collections.abc import Iterator

from onehttp.connections.file.document import KeyPath, ParsedFile, shown_path
from onehttp.errors import ConfigurationError

SUFFIXES = (".yaml", ".yml")


class IncludedFiles:
    """The files read so far, each once, and which file includes which."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        """All that was read; of folders, too, since what is added to them counts."""
        self._by: dict[str, str] = {}  # path without links -> the file that includes it
        self._around: list[str] = []

    def enter(self, path: str, by: str) -> None:
        """``path`` is about to be read."""
        self.paths.add(os.path.abspath(path))
        self._by[os.path.realpath(path)] = by
        self._around.append(os.path.realpath(path))

    def leave(self) -> None:
        """Note that a file and all files that it includes have been read."""
        self._around.pop()

    def named_by(self, document: ParsedFile, errors: list[ConfigurationError]) -> Iterator[str]:
        """The paths that a document includes, in order; those of a folder by their names."""
        given = document.values.get("include", ())
        entries = (given,) if isinstance(given, str) else given
        for index, entry in enumerate(entries if isinstance(entries, tuple) else ()):
            place: KeyPath = ("include",) if isinstance(given, str) else ("include", index)
            if not isinstance(entry, str):
                continue  # the schema says so
            named = os.path.join(document.folder, os.path.expanduser(entry))
            for path in self._paths(named):
                problem = self._problem(path)
                if problem:
                    errors.append(document.error(place, problem))
                else:
                    yield path

    def _problem(self, path: str) -> str | None:
        real, shown = os.path.realpath(path), shown_path(path)
        if not os.path.exists(path):
            return f"{shown} does not exist"
        if real in self._around:
            way = [*self._around[self._around.index(real) :], real]
            return f"a loop: {' -> '.join(map(shown_path, way))}; take one of them out"
        if real in self._by:
            return f"{shown} is included by {self._by[real]} already"
        return None

    def _paths(self, path: str) -> list[str]:
        if not os.path.isdir(path):
            return [path]
        self.paths.add(path)
        return [
            os.path.join(path, name)
            for name in sorted(os.listdir(path))
            if name.endswith(SUFFIXES) and not name.startswith(".")
        ]
