"""What can go wrong with a document, besides the transfer itself (`onehttp.TransferError`)."""

from __future__ import annotations

from typing import NamedTuple

from onehttp.errors import OnehttpError


class XcapError(OnehttpError):
    """Base of the errors of this package."""


class SelectorError(XcapError, ValueError):
    """A document or node selector that cannot be written as a URL; nothing was sent."""


class XmlError(XcapError, ValueError):
    """A document that is not to be parsed: not well-formed, not UTF-8, or with a DTD."""


class WrongNamespaceError(XmlError):
    """Well-formed, but its root element is of another namespace than was asked for."""


class StatusError(XcapError):
    """The server answered, but not with what was asked for.

    Attributes:
        status: of the response.
        url: that was asked.
    """

    def __init__(self, status: int, url: str, reason: str) -> None:
        super().__init__(status, url, reason)
        self.status = status
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.url}: {self.status} {self.reason}".rstrip()


class NotFoundError(StatusError, LookupError):
    """404 or 410: the server has no such document or node."""


class PreconditionFailedError(StatusError):
    """412: the document is not, or no more, the one that If-Match or If-None-Match means."""


class Taken(NamedTuple):
    """A value that must be unique, and is not (``exists`` of a ``uniqueness-failure``)."""

    field: str
    """Where it is in the document, as the server writes it."""
    alternatives: tuple[str, ...]
    """What the server would take instead."""


class ConflictError(StatusError):
    """409: the change would make the document invalid (RFC 4825, section 11).

    Attributes:
        condition: name of the error element, e.g. ``cannot-insert``; None where there was none.
        phrase: what the server says to people, if it does.
        taken: which values are not unique, and what to take instead.
        ancestor: of ``no-parent``: the nearest ancestor that is there.
    """

    def __init__(
        self,
        status: int,
        url: str,
        reason: str,
        condition: str | None = None,
        *,
        phrase: str | None = None,
        taken: tuple[Taken, ...] = (),
        ancestor: str | None = None,
    ) -> None:
        super().__init__(status, url, reason)
        self.condition = condition
        self.phrase = phrase
        self.taken = taken
        self.ancestor = ancestor

    @property
    def alternatives(self) -> tuple[str, ...]:
        """The values that the server would take instead, of all fields."""
        return tuple(value for one in self.taken for value in one.alternatives)

    def __str__(self) -> str:
        said = [text for text in (self.condition, self.phrase) if text]
        said += [f"instead: {', '.join(self.alternatives)}"] if self.alternatives else []
        return ": ".join([super().__str__(), *said])


class StoreError(XcapError):
    """The database cannot be used, or does not take the row; what was fetched is not lost."""


class RowRefusedError(StoreError):
    """The database works, but does not take this row: a value too long, or the server's own row."""
