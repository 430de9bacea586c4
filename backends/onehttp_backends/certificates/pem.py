"""PEM text in memory: what was read and checked once is what every engine uses."""

from __future__ import annotations

import fcntl
import functools
import operator
import os
from typing import Final

_SEALS: Final = (
    fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
)  # fmt: skip


class Pem:
    """The content of one or several PEM files. Equal contents are equal; none is ever shown."""

    __slots__ = ("_file", "content")

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._file: _MemoryFile | None = None

    @property
    def path(self) -> str:
        """A path that has this content while this object lives: for what takes nothing else.

        The file is in memory and sealed: nobody can change it, nor find it by a name.
        """
        self._file = found = self._file or _MemoryFile(self.content)
        return found.path

    @property
    def digest(self) -> str:
        """Stands for the content where that is too long, or secret."""
        import hashlib  # with all it loads it is not for every process

        return hashlib.sha256(self.content).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pem) and other.content == self.content

    def __hash__(self) -> int:
        return hash(self.content)

    def __repr__(self) -> str:
        return f"<Pem {len(self.content)} bytes>"

    def __reduce__(self) -> tuple[object, ...]:
        return Pem, (self.content,)


class _MemoryFile:
    """A sealed file in memory, open until this object is gone."""

    __slots__ = ("_close", "path")

    def __init__(self, content: bytes) -> None:
        descriptor = os.memfd_create("onehttp", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._close = functools.partial(os.close, descriptor)
        self.path = f"/proc/self/fd/{descriptor}"
        with open(descriptor, "wb", closefd=False) as stream:
            stream.write(content)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)

    # Found and called without an instruction of Python, at which a signal handler could be run:
    # what is raised in a `__del__` reaches nobody. There is none if no descriptor was left.
    __del__ = property(operator.attrgetter("_close"))
