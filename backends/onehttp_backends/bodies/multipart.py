"""A form with files in it (RFC 7578), its parts sent one after the other from where they are.

Not by libcurl's MIME API, which would be another way than that of all other bodies: another wire
than the double's, files that are opened by name and may change unseen while they are sent, and
nothing for what can be read only once.
"""

from __future__ import annotations

import io
import os
import re
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from onehttp_backends.bodies.sources import upload_of
from onehttp_backends.bodies.upload import Sending, Upload, too_much
from onehttp_backends.errors import CurlCode, RequestError, RequestTypeError, Sent

_UNKNOWN_TYPE: Final = "application/octet-stream"
_is_type = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+/[\x20-\x7e]+").fullmatch
_ESCAPES: Final = {'"': "%22", "\r": "%0D", "\n": "%0A"}
_escaped = re.compile(r'["\r\n]').sub


class FormUpload(Upload):
    """All of a form: fields first, then files, each part in its order.

    Args:
        fields: names and values.
        files: as pairs of a name and what `_file_of` takes.
        boundary: between the parts; nothing that they hold.
        limit: more bytes than these are not sent; 0 = no limit.

    Raises:
        RequestError: a name or a type that cannot be written.
        RequestTypeError: a content that is none.
    """

    def __init__(
        self,
        fields: Iterable[tuple[Any, str | bytes]],
        files: Iterable[tuple[str, object]],
        boundary: str,
        limit: int = 0,
    ) -> None:
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.parts: list[Upload] = []
        for name, value in fields:
            content = _encoded(value) if isinstance(value, str) else value
            self._add(boundary, f'form-data; name="{_quoted(name)}"', "", BytesUpload(content))
        for name, given in files:
            file = _file_of(name, given, limit)
            place = f'form-data; name="{_quoted(name)}"'
            if file.filename is not None:
                place = f'{place}; filename="{_quoted(file.filename)}"'
            type_line = f"Content-Type: {file.content_type}\r\n" if file.content_type else ""
            self._add(boundary, place, type_line, file.content)
        self.parts.append(BytesUpload(f"--{boundary}--\r\n".encode()))
        sizes = [part.size for part in self.parts]
        super().__init__(None if None in sizes else sum(filter(None, sizes)), limit)
        self.is_async = any(part.is_async for part in self.parts)

    @property
    def is_repeatable(self) -> bool:
        return all(part.is_repeatable for part in self.parts)

    def whole(self, limit: int) -> bytes:
        """All of it, read by who calls.

        Raises:
            UploadError: it is larger than ``limit``.
        """
        if self.size is not None and self.size > limit:
            raise too_much(limit, Sent.NO)
        sending, found = self.begin(), bytearray()
        while (piece := sending.take(limit + 1)) != b"":
            if piece is None:
                sending.pull()
            else:
                found += piece
            if len(found) > limit:
                raise too_much(limit, Sent.NO)
        return bytes(found)

    def _add(self, boundary: str, place: str, type_line: str, content: Upload) -> None:
        head = f"--{boundary}\r\nContent-Disposition: {place}\r\n{type_line}\r\n"
        self.parts += (
            BytesUpload(_encoded(head)), content, BytesUpload(b"\r\n"),
        )  # fmt: skip

    def _sending(self) -> Sending:
        return _FormSending(self)


class _FormSending(Sending):
    """The sendings of its parts, one after the other."""

    upload: FormUpload

    def __init__(self, upload: FormUpload) -> None:
        super().__init__(upload)
        self._sendings = [part.begin() for part in upload.parts]
        self._at = 0
        self.is_fed = any(sending.is_fed for sending in self._sendings)
        self.may_block = any(sending.may_block for sending in self._sendings)

    @property
    def _current(self) -> Sending:
        return self._sendings[min(self._at, len(self._sendings) - 1)]

    @property
    def wants_more(self) -> bool:
        return self._current.wants_more

    @property
    def is_given(self) -> bool:
        return self._at >= len(self._sendings)

    @property
    def is_starved(self) -> bool:
        return self._current.is_starved

    def take(self, most: int) -> bytes | None:
        self.has_begun = True
        while self._at < len(self._sendings):
            # Set before: its caller, who pulls meanwhile, is to say that there is more.
            self.has_paused = self._current.is_fed
            piece = self._current.take(most)
            if piece is None:
                return None
            self.has_paused = False
            if piece:
                self.taken += len(piece)
                if self.upload.limit and self.taken > self.upload.limit:
                    raise too_much(self.upload.limit, Sent.MAYBE)
                return piece
            self._at += 1
        return b""

    def rewind(self) -> bool:
        if not all(sending.rewind() for sending in self._sendings[: self._at + 1]):
            return False
        self._at = self.taken = 0
        return True

    def pull(self, ahead: bool = False) -> None:
        self._current.pull(ahead)

    async def apull(self, on_wait: Callable[[], None] | None = None) -> None:
        await self._current.apull(on_wait)


class BytesUpload(Upload):
    """An upload of bytes in memory."""

    def __init__(self, content: bytes) -> None:
        super().__init__(len(content))
        self.content = content

    def _sending(self) -> Sending:
        return _BytesSending(self)


class _BytesSending(Sending):
    upload: BytesUpload

    def take(self, most: int) -> bytes:
        self.has_begun = True
        piece = self.upload.content[self.taken : self.taken + most]
        self.taken += len(piece)
        return piece

    def rewind(self) -> bool:
        self.taken = 0
        return True


class _File(NamedTuple):
    filename: str | None
    """None: the part is a field, and says no name."""
    content: Upload
    content_type: str
    """Empty: none is said."""


def _file_of(name: str, given: object, limit: int) -> _File:
    """What was given as a file: a path, an open file, bytes, text, an iterable of bytes; or a tuple
    of a file name (or None, for a field), one of these, and perhaps its type."""
    filename: object
    content_type: object = None
    if isinstance(given, tuple):
        if not 2 <= len(given) <= 3:
            raise _refused(name, "expected (filename, content) or (filename, content, type)")
        filename, content = given[:2]
        content_type = given[2] if len(given) == 3 else None
    else:
        content = given
        filename = _own_name(content) or name
    if filename is not None and not isinstance(filename, str):
        raise _refused(name, f"expected a file name as str, got {type(filename).__name__}")
    if content_type is None:
        content_type = _guessed(filename) if filename is not None else ""
    elif not isinstance(content_type, str) or not _is_type(content_type):
        raise _refused(name, f"{content_type!r} is no type of content")
    return _File(filename, _content_of(name, content, limit), content_type)


def _content_of(name: str, content: object, limit: int) -> Upload:
    if isinstance(content, str):
        return BytesUpload(_encoded(content))
    if isinstance(content, (bytes, bytearray, memoryview)):
        return BytesUpload(bytes(content))
    if isinstance(content, io.BytesIO):
        return BytesUpload(bytes(content.getbuffer()[content.tell() :]))
    if isinstance(content, os.PathLike):
        return _opened(name, content, limit)
    if isinstance(content, (Sequence, Mapping)) or content is None:
        raise _refused(
            name, f"expected a path, a file, bytes or text, got {type(content).__name__}"
        )
    try:
        return upload_of(content, limit=limit)
    except RequestTypeError as error:
        raise _refused(name, error.message.removeprefix("body: ")) from None


def _opened(name: str, path: os.PathLike[str], limit: int) -> Upload:
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed when nobody can send it any more
    except OSError as error:
        raise RequestError(
            CurlCode.READ_ERROR, f"files: {name!r}: cannot be opened: {error.strerror}"
        ) from error
    upload = upload_of(file, limit=limit)
    weakref.finalize(upload, file.close)
    return upload


def _own_name(content: object) -> str | None:
    """The name of a file, without the folders that it is in."""
    name = content if isinstance(content, os.PathLike) else getattr(content, "name", None)
    if not isinstance(name, (str, os.PathLike)):
        return None  # a descriptor, for one
    return os.path.basename(os.fsdecode(name)) or None


def _guessed(filename: str) -> str:
    from mimetypes import MimeTypes

    # Of what Python knows by itself: not of files that are others on each machine.
    return MimeTypes(filenames=()).guess_type(filename)[0] or _UNKNOWN_TYPE


def _quoted(text: object) -> str:
    """As browsers write it (WHATWG, multipart/form-data): UTF-8, and three characters escaped."""
    if not isinstance(text, str):
        text = text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else str(text)
    return _escaped(lambda found: _ESCAPES[found[0]], text)


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            f"files: character {error.start} of a name or text is not encodable",
        ) from None


def _refused(name: object, reason: str) -> RequestTypeError:
    return RequestTypeError(CurlCode.BAD_FUNCTION_ARGUMENT, f"files: {name!r}: {reason}")
