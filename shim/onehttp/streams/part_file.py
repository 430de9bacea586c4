"""A file that is written under another name, and renamed once all of it is on the disk."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from typing import BinaryIO, Final

from onehttp.errors import Phase, SaveError, Sent
from onehttp_backends.errors import CurlCode

WRITE_BYTES: Final = 1024 * 1024


class PartFile:
    """The file under its temporary name. An incomplete file never has the final name.

    `open` creates it, perhaps in a thread whose result is not waited for any more when it is
    dropped.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.fsdecode(path))
        folder, name = os.path.split(self.path)
        self._folder = folder
        self._part = os.path.join(folder, f".{name[:200]}.{secrets.token_hex(6)}.part")
        self.written = 0
        self._file: BinaryIO | None = None
        self._is_dropped = False

    def open(self) -> None:
        """Create the file.

        Raises:
            SaveError: it cannot be written there.
        """
        how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with self._told():
            mode = self._mode_of_before()
            fd = os.open(self._part, how, 0o666 if mode is None else 0o600)
            if mode is not None:  # what nobody else could read stays so, from the first byte on
                os.fchmod(fd, mode)
            self._file = open(fd, "wb", buffering=WRITE_BYTES)  # noqa: SIM115 - closed by `put_in_place`
        if self._is_dropped:
            self.drop()

    @property
    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("the file is not open")
        return self._file

    def write(self, pieces: Iterator[bytes]) -> None:
        """Append ``pieces``."""
        for piece in pieces:
            try:
                with self._told():
                    self.written += self._opened.write(piece)
            finally:
                del piece  # no frame of an error is to hold it

    def add(self, pieces: list[bytes]) -> None:
        """Append ``pieces``, and empty the list; called in a thread."""
        try:
            self.write(iter(pieces))
        finally:
            pieces.clear()

    def begin_anew(self) -> None:
        """Delete what was written so far."""
        with self._told():
            self._opened.seek(0)
            self._opened.truncate()
        self.written = 0

    def put_in_place(self) -> None:
        """Write everything to the disk, and give the file its final name."""
        with self._told():
            file = self._opened
            file.flush()
            os.fsync(file.fileno())
            file.close()
            os.replace(self._part, self.path)
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def drop(self) -> None:
        """Close and delete the file."""
        self._is_dropped = True
        if self._file is not None:
            with contextlib.suppress(OSError):  # closing writes what is left, to a full disk
                self._file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._part)

    def _mode_of_before(self) -> int | None:
        try:
            found = os.stat(self.path).st_mode
        except FileNotFoundError:
            return None
        return found & 0o777 if stat.S_ISREG(found) else None

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SaveError(
                CurlCode.WRITE_ERROR,
                f"{self.path}: cannot be written: {error.strerror or error}",
                sent=Sent.YES,
                phase=Phase.BODY,
            ) from error
