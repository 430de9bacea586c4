"""What can go wrong with a document, besides the transfer itself (`onehttp.TransferError`)."""

from __future__ import annotations

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


class ConflictError(StatusError):
    """409: the change would make the document invalid (RFC 4825, section 11).

    Attributes:
        condition: name of the error element, e.g. ``cannot-insert``; None where there was none.
    """

    def __init__(self, status: int, url: str, reason: str, condition: str | None = None) -> None:
        super().__init__(status, url, reason)
        self.condition = condition


class StoreError(XcapError):
    """The database cannot be used, or does not take the row; what was fetched is not lost."""


class RowRefusedError(StoreError):
    """The database works, but does not take this row: a value too long, or the server's own row."""
