"""A body that is read while it is sent.

An `Upload` is the body of one call; each attempt to send it has a `Sending` of its own, so that an
attempt that is given up takes nothing from the next one.

A regular file is read by the thread that drives the engine, by absolute offsets. Every other source
(iterators, other files) is code of the caller, which may block, fail, or make calls itself. So only
the caller's thread or task asks it, between two turns of the engine, and never ahead of what it may
wait for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from onehttp_backends.errors import CurlCode, Phase, Sent, UploadError


class Upload(ABC):
    """The body of one call. Call `begin` for each attempt to send it.

    Args:
        size: its length in bytes; None if unknown, so that the body is sent in chunks.
        limit: the most bytes to be sent; 0 = no limit.
    """

    is_async = False
    """Its source can be read in an event loop only."""

    def __init__(self, size: int | None, limit: int = 0) -> None:
        self.size = size
        self.limit = limit
        self._last: Sending | None = None
        if size is not None and limit and size > limit:
            raise too_much(limit, Sent.NO)

    @property
    def is_repeatable(self) -> bool:
        """Whether the source can be read again from its beginning."""
        return True

    @property
    def may_begin(self) -> bool:
        """Whether another attempt is possible: it is the first, or nothing was read yet, or the
        source can be read again."""
        return self._last is None or not self._last.has_begun or self.is_repeatable

    def begin(self) -> Sending:
        """Begin an attempt, which ends the one before.

        Raises:
            UploadError: the source was read in part, and cannot be read again.
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
        """A new `Sending`."""


class Sending(ABC):
    """One attempt to send a body: how far it has come, and how it failed."""

    is_fed = False
    """Its bytes come from the caller's code, by `pull` or `apull`."""

    may_block = False
    """Its source may stop the thread that drives the engine."""

    def __init__(self, upload: Upload) -> None:
        self.upload = upload
        self.taken = 0
        """Bytes given to the engine so far."""
        self.has_begun = False
        self.has_paused = False
        """The engine asked in vain, and must be told when there are bytes again."""
        self.is_over = False
        """Another attempt has replaced this one."""
        self.error: BaseException | None = None
        """If set, the call raises this, whatever error the engine reports."""

    @abstractmethod
    def take(self, most: int) -> bytes | None:
        """The next bytes, at most ``most`` of them. b"" at the end; None if there are none yet.

        Called by the thread that drives the engine.

        Raises:
            UploadError: the source cannot be read, or is not as long as announced.
        """

    def rewind(self) -> bool:
        """Start again within the attempt, as engines do by themselves. False: not possible."""
        return not self.taken

    @property
    def wants_more(self) -> bool:
        """Whether the caller should `pull` now."""
        return False

    @property
    def is_given(self) -> bool:
        """Whether the engine has all of it."""
        return self.taken >= (self.upload.size or 0)

    @property
    def must_be_empty(self) -> bool:
        """Whether the caller must `pull` before the request is sent. A body announced as empty has
        to be checked first: no engine would ever ask for its bytes."""
        return False

    @property
    def is_starved(self) -> bool:
        """Whether the engine has run out of bytes and waits for more."""
        return False

    @property
    def has_more_again(self) -> bool:
        """Whether the engine is to be told."""
        return self.has_paused and not self.is_starved

    def pull(self, ahead: bool = False) -> None:  # noqa: B027 - most have no source to ask
        """Read one piece from the source. Only the caller's own thread may do that.

        Args:
            ahead: several are read if the source is quick. Somebody must be there who sends the
                first ones if it waits then.

        Raises:
            Exception: whatever the source raises.
        """

    async def apull(  # noqa: B027 - likewise
        self, on_wait: Callable[[], None] | None = None
    ) -> None:
        """`pull`, in the caller's task.

        Args:
            on_wait: hands the engine what was read. With it, a source is read on as long as it does
                not wait, for a moment, and this is called before it does.
        """


def unreadable(text: str) -> UploadError:
    """The error of a body that cannot be read, or is not as announced."""
    return UploadError(CurlCode.READ_ERROR, text, sent=Sent.MAYBE, phase=Phase.SEND)


def too_much(limit: int, sent: Sent) -> UploadError:
    """The error of a body that is larger than its limit."""
    return UploadError(
        CurlCode.READ_ERROR, f"the body is larger than max_upload, {limit} bytes", sent=sent
    )
