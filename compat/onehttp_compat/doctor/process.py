"""Facts about a process from /proc."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from onehttp import ConfigurationError

_PROC = Path("/proc")
_library = re.compile(r"\.so(?:\.[\d.]+)?(?: \(deleted\))?$").search
_limit = re.compile(r"^Max open files\s+(\d+|unlimited)", re.MULTILINE).search


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """Facts about a process, as far as this user may read them."""

    pid: int
    name: str
    libraries: tuple[str, ...]
    """Paths of the mapped shared libraries, sorted."""
    environment: Mapping[str, str]
    """The environment when the process was started."""
    open_files: int
    file_limit: int | None
    """The limit of open files; None if there is none."""
    arguments: tuple[str, ...] = ()
    """The command line."""
    folder: Path = Path()
    """The working directory."""

    def mapped(self, pattern: str) -> list[str]:
        """Return the libraries whose paths match."""
        return [path for path in self.libraries if re.search(pattern, path)]


def read_process(pid: int) -> ProcessFacts:
    """Read the facts about a process.

    Raises:
        ConfigurationError: there is no process of this number, or it belongs to another user.
    """
    folder = _PROC / str(pid)
    try:
        maps = (folder / "maps").read_text("utf-8", "surrogateescape")
        return ProcessFacts(
            pid=pid,
            name=(folder / "comm").read_text("utf-8", "replace").strip(),
            libraries=_libraries(maps),
            environment=_environment((folder / "environ").read_bytes()),
            open_files=len(os.listdir(folder / "fd")),
            file_limit=_file_limit((folder / "limits").read_text()),
            arguments=_arguments((folder / "cmdline").read_bytes()),
            folder=Path(os.readlink(folder / "cwd")),
        )
    except (FileNotFoundError, ProcessLookupError):
        raise ConfigurationError(f"there is no process {pid}") from None
    except PermissionError:
        raise ConfigurationError(
            f"process {pid} belongs to another user: run this as that user, or as root"
        ) from None


def _libraries(maps: str) -> tuple[str, ...]:
    rows = (line.split(None, 5) for line in maps.splitlines())
    paths = {row[5].strip() for row in rows if len(row) == 6}
    return tuple(sorted(path for path in paths if _library(path)))


def _arguments(data: bytes) -> tuple[str, ...]:
    return tuple(data.decode("utf-8", "surrogateescape").rstrip("\0").split("\0"))


def _environment(data: bytes) -> dict[str, str]:
    pairs = (one.decode("utf-8", "replace").partition("=") for one in data.split(b"\0") if one)
    return {name: value for name, _, value in pairs}


def _file_limit(limits: str) -> int | None:
    match = _limit(limits)
    return int(match[1]) if match and match[1] != "unlimited" else None
