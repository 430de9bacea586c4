"""Which objects may be given as a body, and the `Upload` for each."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, Final

from onehttp_backends.bodies.fed_upload import FedUpload
from onehttp_backends.bodies.file_upload import FileUpload
from onehttp_backends.bodies.upload import Upload, unreadable
from onehttp_backends.errors import RequestTypeError

PIECE_BYTES: Final = 128 * 1024
"""How much is read from a file-like object at once."""


def upload_of(body: object, size: int | None = None, limit: int = 0) -> Upload:
    """The `Upload` for a file, or an iterable of bytes, synchronous or asynchronous.

    Args:
        size: the length in bytes, if the caller knows it.
        limit: the most bytes to be sent; 0 = no limit.

    Raises:
        RequestTypeError: ``body`` is neither.
        UploadError: it is larger than ``limit``.
    """
    if isinstance(body, Upload):
        return body
    if isinstance(body, io.TextIOBase):
        raise RequestTypeError("body: a file of text; open it in binary mode ('rb')")
    file = getattr(body, "file", body)  # of tempfile.NamedTemporaryFile
    if _is_regular(file) and not _is_made_when_read(file):
        return FileUpload(file, limit)
    if callable(getattr(body, "read", None)):
        return _of_file(body, size, limit)
    if isinstance(body, AsyncIterable):
        is_once = isinstance(body, AsyncIterator)
        return FedUpload(body.__aiter__, not is_once, True, size, limit)
    if isinstance(body, Iterable) and not isinstance(body, (str, Mapping)):
        is_once = isinstance(body, Iterator)
        is_there = type(body) in (list, tuple)
        return FedUpload(body.__iter__, not is_once, False, size, limit, is_there)
    raise RequestTypeError(
        f"body: expected bytes, str, a file or an iterator of bytes, got {type(body).__name__}"
    )


def _is_regular(file: object) -> bool:
    """Whether ``file`` is a regular file, whose bytes can be read by its descriptor."""
    raw = getattr(file, "raw", file)
    is_plain = isinstance(file, (io.BufferedReader, io.BufferedRandom, io.FileIO))
    if not (is_plain and type(raw) is io.FileIO) or raw.closed:
        return False
    return stat.S_ISREG(os.fstat(raw.fileno()).st_mode)


def _is_made_when_read(file: Any) -> bool:
    """Whether a file reports size 0 and has content all the same, as those of /proc do."""
    start = file.tell()
    try:
        return os.fstat(file.fileno()).st_size <= start and bool(os.pread(file.fileno(), 1, start))
    except OSError:  # written only: who sends it says so
        return False


def _has_parts(file: Any) -> bool:
    """Whether it is a pipe or a socket, of which ``read`` would wait for all that it was asked for.

    One that does not block is left out: its ``read1`` returns b"" at its end and before.
    """
    if type(file) is not io.BufferedReader or file.closed or file.seekable():
        return False
    try:
        return os.get_blocking(file.fileno())
    except OSError:  # it has no descriptor
        return False


def _size_from(file: Any, start: int) -> int | None:
    """The number of bytes from ``start`` to the end; None if the file cannot tell."""
    try:
        size = max(0, file.seek(0, io.SEEK_END) - start)
    except OSError:  # of /proc
        return None
    file.seek(start)
    return None if not size and file.read(1) else size  # a device, whose end is nowhere


def _of_file(file: Any, size: int | None, limit: int) -> Upload:
    import inspect

    if inspect.iscoroutinefunction(file.read):

        async def pieces() -> AsyncIterator[bytes]:
            while piece := await file.read(PIECE_BYTES):
                yield piece

        return FedUpload(pieces, False, True, size, limit)
    start: int | None = None
    if getattr(file, "seekable", bool)():
        start = file.tell()
        if size is None:
            size = _size_from(file, start)
        file.seek(start)

    read = file.read1 if _has_parts(file) else file.read

    def piece() -> Any:
        found = read(PIECE_BYTES)
        if found is None:  # its end would be b""
            raise unreadable("the file has nothing to read yet; open it so that reading blocks")
        return found

    def begin() -> Iterator[bytes]:
        if start is not None:
            file.seek(start)
        return iter(piece, b"")

    return FedUpload(begin, start is not None, False, size, limit)
