"""A body that is read while it is sent.

A regular file is read by whoever drives the engine, at its own offset. Everything else (iterators,
other files) is code of the caller's, which may wait, fail, or make calls itself: it is asked by the
caller alone, between two turns of the engine, and never far ahead.

Each attempt to send has a `Sending` of its own, so that one which is given up takes nothing from
the one that follows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from onehttp_backends.errors import CurlCode, Phase, Sent, UploadError


class Upload(ABC):
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

    @abstractmethod
    def _sending(self) -> Sending:
        """What an attempt takes its bytes from."""


class Sending(ABC):
    """One attempt to send a body: how far it has come, and what it has failed with."""

    is_fed = False

    def __init__(self, upload: Upload) -> None:
        self.upload = upload
        self.taken = 0
        """Bytes given to the engine until now."""
        self.has_begun = False
        self.has_paused = False
        """The engine was told that there is nothing yet, and is to be told when there is."""
        self.is_over = False
        """Another attempt is made instead."""
        self.error: BaseException | None = None
        """What the call ends with, whatever the engine says."""

    @abstractmethod
    def take(self, most: int) -> bytes | None:
        """The next bytes, no more than ``most``: b"" at the end; None: there are none yet.

        Called by whoever drives the engine.

        Raises:
            UploadError: what was announced is not there.
        """

    def rewind(self) -> bool:
        """Begin again within the attempt, as engines do by themselves; False: it cannot."""
        return not self.taken

    @property
    def wants_more(self) -> bool:
        """Whether its caller is to `pull`."""
        return False

    @property
    def must_be_empty(self) -> bool:
        """Whether its caller is to `pull` before anything is sent: of a body that was announced as
        nothing no engine asks for more."""
        return False

    @property
    def is_starved(self) -> bool:
        """Whether the engine waits for more."""
        return False

    def pull(self) -> None:  # noqa: B027 - most have no source that is asked
        """Ask the source once; the caller of the request does.

        Raises:
            Exception: whatever the source raises.
        """

    async def apull(self) -> None:  # noqa: B027 - likewise
        """The same in a task."""


def unreadable(text: str) -> UploadError:
    """The error of a body that cannot be read, or is not what was announced."""
    return UploadError(CurlCode.READ_ERROR, text, sent=Sent.MAYBE, phase=Phase.SEND)


def too_much(limit: int, sent: Sent) -> UploadError:
    """The error of a body that is larger than is allowed."""
    return UploadError(
        CurlCode.READ_ERROR, f"the body is larger than max_upload, {limit} bytes", sent=sent
    )
