"""Errors of documents; those of transfers are `onehttp.TransferError`."""

from __future__ import annotations

from typing import NamedTuple

from onehttp.errors import OnehttpError


class XcapError(OnehttpError):
    """The base class of the errors of this package."""


class SelectorError(XcapError, ValueError):
    """A document or node selector cannot be written as a URL; nothing was sent."""


class XmlError(XcapError, ValueError):
    """A document is not acceptable: not well-formed, not in UTF-8, or with a DTD."""


class WrongNamespaceError(XmlError):
    """A document is well-formed, but its root element is in the wrong namespace."""


class StatusError(XcapError):
    """The server answered with a status that means failure.

    Attributes:
        status: the status of the response.
        url: the URL that was requested.
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
    """412: the document is not the one that ``If-Match`` or ``If-None-Match`` asks for."""


class Taken(NamedTuple):
    """A value that must be unique but is not (``exists`` of a ``uniqueness-failure``)."""

    field: str
    """The position in the document, as the server writes it."""
    alternatives: tuple[str, ...]
    """The values that the server would accept."""


class ConflictError(StatusError):
    """409: the change would make the document invalid (RFC 4825, section 11).

    Attributes:
        condition: the name of the error element, such as ``cannot-insert``; None if there was none.
        phrase: the server's text for people; None if there was none.
        taken: the values that are not unique, and the alternatives that the server offers.
        ancestor: for ``no-parent``: the nearest ancestor that exists.
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
        """The values that the server would accept instead, of all fields."""
        return tuple(value for one in self.taken for value in one.alternatives)

    def __str__(self) -> str:
        said = [text for text in (self.condition, self.phrase) if text]
        said += [f"instead: {', '.join(self.alternatives)}"] if self.alternatives else []
        return ": ".join([super().__str__(), *said])


class StoreError(XcapError):
    """The database cannot be used or refuses a row. What was fetched is not lost."""


class RowRefusedError(StoreError):
    """The database refuses this one row: a value is too long, or the row is the server's own."""
