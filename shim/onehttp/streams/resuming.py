"""Whether a body that broke off can be continued (RFC 9110, 13.1.5 and 14), and with what.

One origin may be several servers, of which one has a newer version. A server may also send less
than was asked for, or send it encoded. Bytes that do not fit are never appended.
"""

from __future__ import annotations

import re
from datetime import timedelta
from enum import Enum
from typing import Final, Protocol

from onehttp_backends.headers import HeaderPairs, Headers

OF_RANGES: Final = frozenset({"range", "if-range"})
"""Headers of a call that asks for a part itself."""
_FOR_NOW: Final = (408, 425, 429)
"""Statuses that are temporary, like every 5xx."""
_BETWEEN: Final = timedelta(seconds=1)
_range: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)").fullmatch
_strong: Final = re.compile(r'"[\x21\x23-\x7e]*"').fullmatch


class Answered(Protocol):
    """The part of a response that is used here."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def is_decoding(self) -> bool: ...
    @property
    def announced(self) -> int | None: ...


class Rest(Enum):
    """The ways in which a server can answer a request for the rest."""

    FITS = "the rest"
    ANEW = "the whole body"
    OTHER = "the rest of another version"
    LATER = "nothing of the body, for now"
    NONE = "neither"


class Version:
    """Identifies the content that the saved bytes belong to: that of a response with status 200."""

    __slots__ = ("coding", "etag", "size", "validator")

    def __init__(self, answer: Answered) -> None:
        headers = answer.headers
        self.etag = headers.get("etag", "")
        self.coding = headers.get("content-encoding", "")
        is_whole = answer.status == 200 and not answer.is_decoding
        is_chunked = "transfer-encoding" in headers
        self.size = answer.announced if is_whole and not is_chunked else None
        """The size of the content in bytes; None if not known."""
        has_ranges = headers.get("accept-ranges", "").strip().lower() != "none"
        self.validator = _validator(headers) if is_whole and has_ranges else ""
        """Distinguishes this version from others; empty if the body cannot be continued."""

    def asking(self, written: int) -> HeaderPairs | None:
        """The headers that ask for what follows ``written`` bytes; None if that is impossible."""
        if not written or not self.validator:
            return None
        return (("Range", f"bytes={written}-"), ("If-Range", self.validator))

    def rest(self, answer: Answered, written: int) -> tuple[Rest, int]:
        """How ``answer`` continues a file of ``written`` bytes, and at which byte it ends."""
        if answer.status == 200:
            return Rest.ANEW, 0
        if answer.status in _FOR_NOW or answer.status >= 500:
            return Rest.LATER, 0
        found = _range(answer.headers.get("content-range", ""))
        if answer.status != 206 or not found or int(found[1]) != written:
            return Rest.NONE, 0
        end = int(found[2]) + 1
        size = self.size if found[3] == "*" else int(found[3])
        if end <= written or (size is not None and end > size):
            return Rest.NONE, 0
        etag = answer.headers.get("etag", self.etag)
        coding = answer.headers.get("content-encoding", "")
        if etag != self.etag or coding != self.coding or self.size not in (None, size):
            return Rest.OTHER, 0
        self.size = size
        return Rest.FITS, end


def _validator(headers: Headers) -> str:
    """A strong validator. A weak ETag, or a date of the same second, does not prove equality."""
    etag = headers.get("etag", "")
    if etag:
        return etag if _strong(etag) else ""
    from email.utils import parsedate_to_datetime  # as heavy as all the rest, and seldom wanted

    changed, sent = headers.get("last-modified", ""), headers.get("date", "")
    try:
        between = parsedate_to_datetime(sent) - parsedate_to_datetime(changed)
    except (TypeError, ValueError, OverflowError):
        return ""
    return changed if between >= _BETWEEN else ""
