"""The files of a configuration: read as they are, and found where they may be meanwhile."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from onehttp import ConfigurationError

MAX_BYTES: Final = 128 * 1024 * 1024
MAX_DEPTH: Final = 10
"""Of files that include each other; the server takes as many."""


def read_text(path: Path) -> str:
    """What a file holds. Bytes that are no UTF-8 come as Python's surrogate escapes, so that all of
    them are there in the end.

    Raises:
        ConfigurationError: it cannot be read, is no regular file, or too large.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as stream:
            # Nothing is read of a pipe or a device, which may never end.
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
    """The file that ``include_file "name"`` in ``including`` means.

    A relative name is looked for beside the file that includes it, then in ``include_path``, then
    in the working directory, with which the server begins: it is another one here. An absolute
    name of another machine is looked for under and in ``include_path``, then beside the file.
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
