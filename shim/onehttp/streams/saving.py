"""Saves a body as a file, which gets its name once all of it is on the disk.

A body that breaks off is continued by a range request, if the server supports that and shows by a
strong validator that the content is still the same. If the server fails, it is asked again later.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Final, Generic, Protocol, TypeVar

from onehttp.errors import (
    ConnectError,
    DisconnectedError,
    Phase,
    ResolveError,
    SaveError,
    Sent,
    TimeoutError,
    TransferError,
)
from onehttp.streams.part_file import WRITE_BYTES, PartFile
from onehttp.streams.resuming import Answered, Rest, Version
from onehttp.streams.splitting import checked_number
from onehttp_backends.errors import CurlCode
from onehttp_backends.headers import HeaderPairs

_BROKEN_OFF: Final = (DisconnectedError, TimeoutError, ConnectError, ResolveError)
"""The errors after which another attempt is useful, for bodies and heads."""


class Head(Answered, Protocol):
    """The part of a response that saving uses, however its body is read."""

    @property
    def again(self) -> Again: ...
    def close(self) -> None: ...


class BlockingBody(Head, Protocol):
    """A response whose body is read in a thread."""

    def iter_bytes(self) -> Iterator[bytes]: ...


class AsyncBody(Head, Protocol):
    """A response whose body is read in a task."""

    def iter_bytes(self) -> AsyncIterator[bytes]: ...


B = TypeVar("B", bound=Head)


class Reopening(Protocol):
    """A call that is made once more."""

    def open(self) -> BlockingBody: ...
    async def aopen(self) -> AsyncBody: ...


class Again(Protocol):
    """Makes the call once more, with further headers; None if it must not be repeated.

    Args:
        failures: how many attempts in a row have brought nothing; a pause is made accordingly.
        retry_after: the ``Retry-After`` of the server; empty if it sent none.
    """

    def __call__(
        self, headers: HeaderPairs, failures: int, retry_after: str, /
    ) -> Reopening | None: ...


def save(response: BlockingBody, path: str | os.PathLike[str], resumes: int) -> int:
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
        saving.part.open()
        while True:
            try:
                if (call := saving.next_call) is not None:
                    saving.go_on(call.open())
                saving.part.write(saving.opened.iter_bytes() if saving.is_readable else iter(()))
                broken = None
            except _BROKEN_OFF as error:
                broken = error
            if saving.is_whole(broken):
                break
        saving.part.put_in_place()
    return saving.part.written


async def asave(response: AsyncBody, path: str | os.PathLike[str], resumes: int) -> int:
    """As `save`, in a task; the disk is written in a thread."""
    with _Saving(response, PartFile(path), resumes) as saving:
        await asyncio.to_thread(saving.part.open)
        while True:
            try:
                if (call := saving.next_call) is not None:
                    saving.go_on(await call.aopen())
                if saving.is_readable:
                    await _write(saving.part, saving.opened)
                broken = None
            except _BROKEN_OFF as error:
                broken = error
            if saving.is_whole(broken):
                break
        await asyncio.to_thread(saving.part.put_in_place)
    return saving.part.written


class _Saving(Generic[B]):
    """A body that is being written to a file, however it is read.

    At the end, responses that were opened to continue it are closed, and an incomplete file is
    deleted.
    """

    def __init__(self, response: B, part: PartFile, resumes: int) -> None:
        self.part = part
        self.opened = response
        """Whose body is read now."""
        self._found = Rest.FITS
        """How the current response continues the body."""
        self.next_call: Reopening | None = None
        """The call that gets the rest."""
        self._response = response
        self._version = Version(response)
        self._end: int | None = None
        """The position at which the current response ends, if the server has announced it."""
        self._resumes = checked_number("resumes", resumes, 0)
        self._failures = 0
        """The number of consecutive resumes without any bytes."""
        self._asked: HeaderPairs = ()
        """The headers of the latest resume."""

    @property
    def is_readable(self) -> bool:
        """Whether the body of the response just opened belongs into the file."""
        return self._found in (Rest.FITS, Rest.ANEW)

    def __enter__(self) -> _Saving[B]:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is not None:
                self.part.drop()
        finally:
            self._close_opened()

    def is_whole(self, broken: TransferError | None) -> bool:
        """Whether nothing is missing; else there is a `next_call`.

        Raises:
            TransferError: it stays broken.
            SaveError: more has come than the server said that there is.
        """
        written, size, end = self.part.written, self._version.size, self._end
        if broken is None and self.is_readable:
            if end is not None and written > end:
                raise _no_rest(f"sent more than the bytes up to {end} that it said")
            if size is None and end is None:
                return True
            if written == (end if size is None else size):
                return True
        self.next_call = self._resumed()
        if self.next_call is None:
            raise broken or _no_rest(self._sent())
        return False

    def go_on(self, opened: B) -> None:
        """Continue with the body of ``opened``.

        Raises:
            SaveError: it does not continue the file.
        """
        self.opened, self.next_call = opened, None
        self._found, end = self._version.rest(opened, self.part.written)
        self._end = end or None
        if self._found is Rest.NONE:
            place = opened.headers.get("content-range", "")
            raise _no_rest(f"answered {opened.status} {place}".rstrip())
        if self._found in (Rest.ANEW, Rest.OTHER):
            self.part.begin_anew()
        if self._found is Rest.ANEW:
            self._version = Version(opened)

    def _resumed(self) -> Reopening | None:
        """The call that asks for the rest; None if the rest cannot be had."""
        has_failed = self.next_call is not None or self._found is Rest.LATER
        self._failures = self._failures + 1 if has_failed else 0
        headers: HeaderPairs | None = ()
        if has_failed:
            headers = self._asked
        elif self.is_readable:
            headers = self._version.asking(self.part.written)
        if headers is None or self._resumes <= 0:
            return None
        self._resumes -= 1
        self._asked = headers
        self._close_opened()
        return self._response.again(headers, self._failures, self._retry_after())

    def _retry_after(self) -> str:
        is_answered = self.next_call is None and self._found is Rest.LATER
        return self.opened.headers.get("retry-after", "") if is_answered else ""

    def _sent(self) -> str:
        if self._found is Rest.LATER:
            return f"answered {self.opened.status}"
        if not self.is_readable:
            return f"sent {Rest.OTHER.value}"
        return f"sent {self.part.written} bytes of {self._version.size}"

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
            del piece  # no frame of an error is to hold it
            if size >= WRITE_BYTES:
                full, held, size = held, [], 0
                await asyncio.to_thread(part.add, full)
    finally:
        part.add(held)


def _no_rest(what: str) -> SaveError:
    return SaveError(
        CurlCode.WRITE_ERROR,
        f"the rest of the body could not be had: asked for it, the server {what}",
        sent=Sent.YES,
        phase=Phase.BODY,
    )
