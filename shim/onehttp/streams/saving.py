"""A body kept as a file: written beside its place, and put there when all of it is on the disk.

What breaks off is taken up where it ended (RFC 9110, 14.2), where the server can do that and says
by a strong validator that it is still the same: ``Range`` with ``If-Range``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import BinaryIO, Final, Generic, Protocol, TypeVar

from onehttp.errors import DisconnectedError, Phase, SaveError, Sent, TimeoutError
from onehttp_backends.errors import CurlCode
from onehttp_backends.headers import HeaderPairs, Headers

WRITE_BYTES: Final = 1024 * 1024
_BROKEN_OFF: Final = (DisconnectedError, TimeoutError)
_range: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)").fullmatch


class Head(Protocol):
    """What is asked of a response, however its body is read."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def is_decoding(self) -> bool: ...
    @property
    def again(self) -> Again: ...
    def close(self) -> None: ...


class Body(Head, Protocol):
    """One whose body is read in a thread."""

    def iter_bytes(self) -> Iterator[bytes]: ...


class AsyncBody(Head, Protocol):
    """One whose body is read in a task."""

    def iter_bytes(self) -> AsyncIterator[bytes]: ...


B = TypeVar("B", bound=Head)


class Reopening(Protocol):
    """A call that is made once more."""

    def open(self) -> Body: ...
    async def aopen(self) -> AsyncBody: ...


class Again(Protocol):
    """Makes it, with further headers."""

    def __call__(self, headers: HeaderPairs, /) -> Reopening: ...


class PartFile:
    """The file beside its place. Whatever happens, nothing half stands under the final name."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.fspath(path))
        folder, name = os.path.split(self.path)
        self._folder = folder
        self._part = os.path.join(folder, f".{name[:200]}.{secrets.token_hex(6)}.part")
        with self._told():
            fd = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            self._file: BinaryIO = open(fd, "wb", buffering=WRITE_BYTES)  # noqa: SIM115
        self.written = 0

    def write(self, pieces: Iterator[bytes]) -> None:
        """Put these behind what is there."""
        for piece in pieces:
            with self._told():
                self._file.write(piece)
            self.written += len(piece)

    def add(self, pieces: list[bytes]) -> None:
        """The same, from a thread."""
        self.write(iter(pieces))

    def begin_anew(self) -> None:
        """Forget what is there."""
        with self._told():
            self._file.seek(0)
            self._file.truncate()
        self.written = 0

    def put_in_place(self) -> None:
        """All is there: let it be on the disk, then under its name."""
        with self._told():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._part, self.path)
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def drop(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError):  # closing writes what is left, to a disk that is full
            self._file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._part)

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


def save(response: Body, path: str | os.PathLike[str], resumes: int) -> int:
    """Write the body of ``response`` to a file, durably and as a whole, or not at all.

    Args:
        path: replaced where it exists, and never seen half written.
        resumes: how often a body that breaks off is taken up where it ended, if the server can.

    Returns:
        How many bytes were written.

    Raises:
        SaveError: the disk is full, or the place cannot be written; ``__cause__`` says which.
        TransferError: the body did not come to its end.
    """
    with _Saving(response, PartFile(path), resumes) as saving:
        while True:
            try:
                saving.part.write(saving.opened.iter_bytes())
                break
            except _BROKEN_OFF:
                if (call := saving.resumed()) is None:
                    raise
                saving.go_on(call.open())
        saving.part.put_in_place()
    return saving.part.written


async def asave(response: AsyncBody, path: str | os.PathLike[str], resumes: int) -> int:
    """The same in a task; the disk is written on a thread."""
    with _Saving(response, await asyncio.to_thread(PartFile, path), resumes) as saving:
        while True:
            try:
                await _write(saving.part, saving.opened)
                break
            except _BROKEN_OFF:
                if (call := saving.resumed()) is None:
                    raise
                saving.go_on(await call.aopen())
        await asyncio.to_thread(saving.part.put_in_place)
    return saving.part.written


class _Saving(Generic[B]):
    """A body on its way into a file, however it is read. What was opened for its rest is closed in
    the end, and a file that is not whole is dropped."""

    def __init__(self, response: B, part: PartFile, resumes: int) -> None:
        self.part = part
        self.opened = response
        """Whose body is read now."""
        self._response = response
        self._resumes = resumes

    def __enter__(self) -> _Saving[B]:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is not None:
                self.part.drop()
        finally:
            self._close_opened()

    def resumed(self) -> Reopening | None:
        """The call for what is missing, once the body has broken off; None: it stays broken."""
        headers = resuming(self._response, self.part.written) if self._resumes > 0 else None
        if headers is None:
            return None
        self._resumes -= 1
        self._close_opened()
        return self._response.again(headers)

    def go_on(self, opened: B) -> None:
        """Read on with its answer."""
        self.opened = opened
        if not goes_on(opened, self.part.written):
            self.part.begin_anew()

    def _close_opened(self) -> None:
        if self.opened is not self._response:
            self.opened.close()


async def _write(part: PartFile, opened: AsyncBody) -> None:
    held: list[bytes] = []
    size = 0
    try:
        async for piece in opened.iter_bytes():
            held.append(piece)
            size += len(piece)
            if size >= WRITE_BYTES:
                await asyncio.to_thread(part.add, held)
                held, size = [], 0
    finally:
        part.add(held)


def resuming(response: Head, written: int) -> HeaderPairs | None:
    """The headers that ask for the rest; None: the server cannot be asked for it."""
    headers = response.headers
    if response.status != 200 or not written or response.is_decoding:
        return None
    if headers.get("accept-ranges", "bytes").lower() == "none":
        return None
    etag = headers.get("etag", "")
    validator = etag if etag.startswith('"') else headers.get("last-modified", "")
    if not validator:
        return None
    return (("Range", f"bytes={written}-"), ("If-Range", validator))


def goes_on(response: Head, written: int) -> bool:
    """Whether what comes goes behind what is written; else it is the whole body anew.

    Raises:
        SaveError: it is neither.
    """
    if response.status == 206:
        found = _range(response.headers.get("content-range", ""))
        if found and int(found[1]) == written:
            return True
    elif response.status == 200:
        return False
    raise SaveError(
        CurlCode.WRITE_ERROR,
        f"the rest of the body could not be had: asked for it, the server answered "
        f"{response.status} {response.headers.get('content-range', '')}".rstrip(),
        sent=Sent.YES,
        phase=Phase.BODY,
    )
