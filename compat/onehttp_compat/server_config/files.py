"""Reads the files of a configuration, and searches for files that are in another place here."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from onehttp import ConfigurationError

MAX_BYTES: Final = 128 * 1024 * 1024
MAX_DEPTH: Final = 10
"""The depth of includes that the server accepts."""


def read_text(path: Path) -> str:
    """Return the text of a file. Bytes that are not UTF-8 become surrogate escapes, so that none
    are lost.

    Raises:
        ConfigurationError: it cannot be read, is not a regular file, or is too large.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as stream:
            # A pipe or a device may never end, so it is not read.
            is_regular = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
            content = stream.read(MAX_BYTES + 1) if is_regular else b""
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", file=str(path)) from None
    except ValueError:
        raise ConfigurationError("cannot be read: a NUL in its name") from None
    if not is_regular:
        raise ConfigurationError("cannot be read: not a regular file", file=str(path))
    if len(content) > MAX_BYTES:
        raise ConfigurationError(f"larger than {MAX_BYTES} bytes", file=str(path))
    return content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def find_included(name: str, including: Path, include_path: Sequence[Path]) -> Path | None:
    """Return the file that ``include_file "name"`` in ``including`` means.

    A relative name is searched in the folder of the including file, then in ``include_path``, then
    in the working directory. The server starts with its own working directory, which is another one
    here. An absolute name, which may come from another machine, is searched under and in
    ``include_path``, then in the folder of the including file.
    """
    return next(filter(_is_there, _candidates(name, including, include_path)), None)


def _candidates(name: str, including: Path, include_path: Sequence[Path]) -> Iterator[Path]:
    if os.path.isabs(name):
        yield Path(name)
        for folder in include_path:
            yield folder / name.lstrip("/")
            yield folder / Path(name).name
        yield including.parent / Path(name).name
    else:
        yield including.parent / name
        for folder in include_path:
            yield folder / name
        yield Path(name)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
