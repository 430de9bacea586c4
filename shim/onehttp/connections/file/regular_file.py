"""Reads a file that an operator names: only a regular file of a bounded size."""

from __future__ import annotations

import errno
import os
import stat


def read_regular(path: str, max_bytes: int) -> tuple[bytes, int]:
    """The content, at most one byte more than ``max_bytes`` of it, and the mode of the file.

    Whatever is renamed over the path meanwhile, what is read is one file from start to end.

    Raises:
        OSError: missing, not readable, or a folder, pipe or device.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "Not a regular file")
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read(max_bytes + 1), mode
    finally:
        os.close(descriptor)
