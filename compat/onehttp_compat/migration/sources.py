"""Finds and reads the files of a project."""

from __future__ import annotations

import ast
import io
import os
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from onehttp_compat.migration.sites import Problem

MAX_SOURCE_BYTES: Final = 4 << 20
"""Larger files are not scripts. They are reported, but not read."""
_LEFT_OUT: Final = frozenset((
    ".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", "node_modules", "__pycache__",
    "site-packages", ".mypy_cache", ".ruff_cache", ".pytest_cache",
))  # fmt: skip
_CONFIG_WORDS: Final = ("loadmodule", "#!KAMAILIO", "request_route", "modparam")
_PYTHON_2: Final = ("Missing parentheses in call to", "multiple exception types must be")
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SourceText:
    """The text of a Python file, with its original line ends."""

    path: str
    text: str
    encoding: str = "utf-8"
    has_bom: bool = False

    def encoded(self, text: str) -> bytes:
        """Encode text for the same file."""
        return (_BOM if self.has_bom else b"") + text.encode(self.encoding)


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """Return the Python files and server configurations, each once, in order.

    Links to folders are not followed, so circular links do no harm.
    """
    seen: set[str] = set()
    for path in paths:
        for file in _walk(path) if path.is_dir() else (path,):
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file


def _walk(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(files):
            path = Path(here, name)
            if name.endswith(".py") or (name.endswith(".cfg") and is_server_config(path)):
                yield path


def is_server_config(path: Path) -> bool:
    """Whether a ``.cfg`` belongs to a SIP server. Others, such as setup.cfg, do not."""
    if not path.is_file():  # reading a pipe would block
        return False
    try:
        with path.open("rb") as file:
            start = file.read(1 << 16).decode("utf-8", "replace")
    except OSError:
        return False
    return any(word in start for word in _CONFIG_WORDS)


def read_source(path: Path) -> SourceText | Problem:
    """Return the text of a Python file, or a problem with its line."""
    name = str(path)
    if path.exists() and not path.is_file():
        return Problem(name, 0, "cannot be read: no file (a pipe, a device)")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        return Problem(name, 0, f"cannot be read: {error.strerror}")
    if len(data) > MAX_SOURCE_BYTES:
        limit = MAX_SOURCE_BYTES >> 20
        return Problem(name, 0, f"larger than {limit} MiB: not read; split it, or leave it out")
    has_bom = data.startswith(_BOM)
    data = data.removeprefix(_BOM)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings about its escapes do not matter here
            ast.parse(data)
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return SourceText(name, data.decode(encoding), encoding, has_bom)
    except SyntaxError as error:
        return Problem(name, error.lineno or 0, _syntax(error))
    except (ValueError, RecursionError, MemoryError) as error:
        return Problem(name, 0, f"not Python: {error}")


def _syntax(error: SyntaxError) -> str:
    said = error.msg.partition(". ")[0]
    if said.startswith(_PYTHON_2) or "invalid hexadecimal" in said or "leading zeros" in said:
        return f"Python 2, which is not read: {said}; run 2to3 on it first"
    return f"syntax error: {said}"
