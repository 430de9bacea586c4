"""Uploads of regular files, which the driver reads at an offset of their own."""

from __future__ import annotations

import os
from typing import Any

from onehttp_backends.bodies.upload import Sending, Upload, unreadable


class FileUpload(Upload):
    """A regular file, from where it stands to its end."""

    def __init__(self, file: Any, limit: int = 0) -> None:
        self.file = file
        self.fd: int = file.fileno()
        if file.writable():
            file.flush()
        self.start: int = file.tell()
        self.mark = self.look()
        super().__init__(max(0, self.mark[0] - self.start), limit)

    def look(self) -> tuple[int, int]:
        """Size and time of the last change."""
        found = os.fstat(self.fd)
        return found.st_size, found.st_mtime_ns

    def _sending(self) -> Sending:
        return _FileSending(self)


class _FileSending(Sending):
    upload: FileUpload

    def take(self, most: int) -> bytes:
        upload = self.upload
        left = (upload.size or 0) - self.taken
        self.has_begun = True
        if not left:
            return b""
        try:
            piece = os.pread(upload.fd, min(most, left), upload.start + self.taken)
            has_changed = not piece or (len(piece) == left and upload.look() != upload.mark)
        except OSError as error:
            raise unreadable(f"the file cannot be read: {error}") from error
        if has_changed:  # before its last byte is out: the server has no whole request then
            raise unreadable("the file was changed while it was sent")
        self.taken += len(piece)
        return piece

    def rewind(self) -> bool:
        self.taken = 0
        return True
