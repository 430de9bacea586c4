"""A body that is read while it is sent.

A regular file is read by whoever drives the engine, at its own offset. Everything else (iterators,
other files) is code of the caller's, which may wait, fail, or make calls itself: it is asked by the
caller alone, between two turns of the engine, and never more than `AHEAD_BYTES` ahead.

Each attempt to send has a `Sending` of its own, so that one which is given up takes nothing from
the one that follows.
"""

from __future__ import annotations

import io
import os
import stat
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from onehttp_backends.errors import CurlCode, Phase, RequestTypeError, Sent, UploadError

AHEAD_BYTES: Final = 256 * 1024
"""So much may wait to be sent before the source is asked again."""
PIECE_BYTES: Final = 128 * 1024
"""What a file is asked for at once."""

Source: TypeAlias = "Iterator[Any] | AsyncIterator[Any]"


class Upload:
    """What is sent, whatever it takes: made once for a call, `begin` once for each attempt.

    Args:
        size: its bytes; None: not known, and the body is sent in chunks.
        limit: more bytes than these are not sent; 0 = no limit.
    """

    is_async = False
    """Its pieces can be had in an event loop only."""

    def __init__(self, size: int | None, limit: int = 0) -> None:
        self.size = size
        self.limit = limit
        self._attempts = 0
        self._last: Sending | None = None
        if size is not None and limit and size > limit:
            raise too_much(limit, Sent.NO)

    @property
    def is_repeatable(self) -> bool:
        """Whether it can be read from its beginning again."""
        return True

    @property
    def may_begin(self) -> bool:
        """Whether an attempt can be made: it is the first, or nothing was read, or all can be
        read again."""
        return self._last is None or not self._last.has_begun or self.is_repeatable

    def begin(self) -> Sending:
        """An attempt begins, and the one before is over.

        Raises:
            UploadError: it was read in part, and cannot be read again.
        """
        if not self.may_begin:
            raise UploadError(
                CurlCode.SEND_FAIL_REWIND,
                "the body cannot be sent again: what it comes from can be read only once",
                sent=Sent.YES,
            )
        if self._last is not None:
            self._last.is_over = True
        self._last = self._sending()
        return self._last

    def _sending(self) -> Sending:
        raise NotImplementedError


class Sending:
    """One attempt to send a body: how far it has come, and what it has failed with."""

    is_fed = False

    def __init__(self, upload: Upload) -> None:
        self.upload = upload
        self.sent = 0
        """Bytes given to the engine until now."""
        self.has_begun = False
        self.is_over = False
        """Another attempt is made instead."""
        self.error: BaseException | None = None
        """What the call ends with, whatever the engine says."""

    def take(self, most: int) -> bytes | None:
        """The next bytes, no more than ``most``: b"" at the end; None: there are none yet.

        Called by whoever drives the engine.

        Raises:
            UploadError: what was announced is not there.
        """
        raise NotImplementedError

    def rewind(self) -> bool:
        """Begin again within the attempt, as engines do by themselves; False: it cannot."""
        return not self.sent

    @property
    def wants_more(self) -> bool:
        """Whether its caller is to `pull`."""
        return False

    @property
    def is_starved(self) -> bool:
        """Whether the engine waits for more."""
        return False

    def pull(self) -> None:
        """Ask the source once; the caller of the request does.

        Raises:
            Exception: whatever the source raises.
        """

    async def apull(self) -> None:
        """The same in a task."""


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
        left = (upload.size or 0) - self.sent
        self.has_begun = True
        if not left:
            return b""
        try:
            piece = os.pread(upload.fd, min(most, left), upload.start + self.sent)
            has_changed = not piece or (len(piece) == left and upload.look() != upload.mark)
        except OSError as error:
            raise unreadable(f"the file cannot be read: {error}") from error
        if has_changed:  # before its last byte is out: the server has no whole request then
            raise unreadable("the file was changed while it was sent")
        self.sent += len(piece)
        return piece

    def rewind(self) -> bool:
        self.sent = 0
        return True


class FedUpload(Upload):
    """What an iterator gives, or a file that is none of the system's.

    Args:
        begin: gives the iterator; again and again where ``is_repeatable``.
    """

    def __init__(
        self,
        begin: Callable[[], Source],
        is_repeatable: bool,
        is_async: bool = False,
        size: int | None = None,
        limit: int = 0,
    ) -> None:
        super().__init__(size, limit)
        self.source = begin
        self.is_async = is_async
        self._is_repeatable = is_repeatable

    @property
    def is_repeatable(self) -> bool:
        return self._is_repeatable

    def _sending(self) -> Sending:
        return _FedSending(self)


class _FedSending(Sending):
    is_fed = True
    upload: FedUpload

    def __init__(self, upload: FedUpload) -> None:
        super().__init__(upload)
        self._pieces: deque[memoryview] = deque()
        self._pulled = 0
        self._is_starved = False
        self._has_ended = False
        self._source: Any = None

    @property
    def wants_more(self) -> bool:
        if self._has_ended or not self.has_begun:
            return False
        return self._is_starved or self._pulled - self.sent < AHEAD_BYTES

    @property
    def is_starved(self) -> bool:
        return self._is_starved

    def take(self, most: int) -> bytes | None:
        self.has_begun = True
        pieces = self._pieces
        if not pieces:
            if self._has_ended:
                return b""
            self._is_starved = True
            return None
        first = pieces[0]
        if len(first) <= most:
            pieces.popleft()
            piece = first.obj if type(first.obj) is bytes and len(first.obj) == len(first) else None
            piece = bytes(first) if piece is None else piece
        else:
            piece = bytes(first[:most])
            pieces[0] = first[most:]
        self.sent += len(piece)
        return piece

    def pull(self) -> None:
        if self._source is None:
            self._source = self.upload.source()
        try:
            piece = next(self._source)
        except StopIteration:
            self._end()
        else:
            self._put(piece)

    async def apull(self) -> None:
        if not self.upload.is_async:
            self.pull()
            return
        if self._source is None:
            self._source = self.upload.source()
        try:
            piece = await self._source.__anext__()
        except StopAsyncIteration:
            self._end()
        else:
            self._put(piece)

    def _put(self, piece: object) -> None:
        if not isinstance(piece, (bytes, bytearray, memoryview)):
            raise unreadable(f"the body gave {type(piece).__name__}; expected bytes")
        # What may be changed by its owner before it is sent is copied.
        view = memoryview(piece if isinstance(piece, bytes) else bytes(piece))
        self._pulled += len(view)
        size, limit = self.upload.size, self.upload.limit
        if size is not None and self._pulled > size:
            raise unreadable(f"the body has more than the {size} bytes announced")
        if limit and self._pulled > limit:
            raise too_much(limit, Sent.MAYBE)
        if len(view):
            self._pieces.append(view)
            self._is_starved = False

    def _end(self) -> None:
        size = self.upload.size
        if size is not None and self._pulled < size:
            raise unreadable(f"the body has {self._pulled} bytes; {size} were announced")
        self._has_ended = True
        self._is_starved = False


def upload_of(body: object, size: int | None = None, limit: int = 0) -> Upload:
    """What sends ``body``: a file, an iterable or an iterator of bytes, also an asynchronous one.

    Args:
        size: its bytes, where the caller knows them.

    Raises:
        RequestTypeError: it is none of these.
        UploadError: it is larger than ``limit``.
    """
    if isinstance(body, Upload):
        return body
    if isinstance(body, io.TextIOBase):
        raise RequestTypeError("body: a file of text; open it in binary mode ('rb')")
    file = getattr(body, "file", body)  # of tempfile.NamedTemporaryFile
    if _is_regular(file):
        return FileUpload(file, limit)
    if callable(getattr(body, "read", None)):
        return _of_file(body, size, limit)
    if isinstance(body, AsyncIterable):
        is_once = isinstance(body, AsyncIterator)
        return FedUpload(body.__aiter__, not is_once, True, size, limit)
    if isinstance(body, Iterable) and not isinstance(body, (str, Mapping)):
        is_once = isinstance(body, Iterator)
        return FedUpload(body.__iter__, not is_once, False, size, limit)
    raise RequestTypeError(
        f"body: expected bytes, str, a file or an iterator of bytes, got {type(body).__name__}"
    )


def _is_regular(file: object) -> bool:
    """Whether the bytes of a file are those of its descriptor."""
    raw = getattr(file, "raw", file)
    is_plain = isinstance(file, (io.BufferedReader, io.BufferedRandom, io.FileIO))
    if not (is_plain and type(raw) is io.FileIO) or raw.closed:
        return False
    return stat.S_ISREG(os.fstat(raw.fileno()).st_mode)


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
            size = max(0, file.seek(0, io.SEEK_END) - start)
        file.seek(start)

    def begin() -> Iterator[bytes]:
        if start is not None:
            file.seek(start)
        return iter(lambda: file.read(PIECE_BYTES) or b"", b"")

    return FedUpload(begin, start is not None, False, size, limit)


def unreadable(text: str) -> UploadError:
    """The error of a body whose end is not what its beginning promised."""
    return UploadError(CurlCode.READ_ERROR, text, sent=Sent.MAYBE, phase=Phase.SEND)


def too_much(limit: int, sent: Sent) -> UploadError:
    """The error of a body that is larger than is allowed."""
    return UploadError(
        CurlCode.READ_ERROR, f"the body is larger than max_upload, {limit} bytes", sent=sent
    )
