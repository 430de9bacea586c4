"""Whether a body that broke off can be taken up where it ended (RFC 9110, 13.1.5 and 14), and
whether what a server answers to that is the rest of the same.

A server may be several, of which one is a version ahead; it may send less than was asked for, or
pack the rest. What does not fit is never put behind what is there.
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
"""Said of the request or its moment, not of what it asks for; so is every 5xx."""
_BETWEEN: Final = timedelta(seconds=1)
_range: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)").fullmatch
_strong: Final = re.compile(r'"[\x21\x23-\x7e]*"').fullmatch


class Answered(Protocol):
    """What is asked of an answer."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def is_decoding(self) -> bool: ...
    @property
    def announced(self) -> int | None: ...


class Rest(Enum):
    """What an answer to a request for the rest is."""

    FITS = "the rest"
    ANEW = "the whole body"
    OTHER = "the rest of another version"
    LATER = "nothing of the body, for now"
    NONE = "neither"


class Version:
    """What the bytes are of that are there: an answer of status 200."""

    __slots__ = ("coding", "etag", "size", "validator")

    def __init__(self, answer: Answered) -> None:
        headers = answer.headers
        self.etag = headers.get("etag", "")
        self.coding = headers.get("content-encoding", "")
        is_whole = answer.status == 200 and not answer.is_decoding
        is_chunked = "transfer-encoding" in headers
        self.size = answer.announced if is_whole and not is_chunked else None
        """How many bytes it has; None: not known."""
        has_ranges = headers.get("accept-ranges", "").strip().lower() != "none"
        self.validator = _validator(headers) if is_whole and has_ranges else ""
        """What tells it from other versions; empty: it cannot be taken up."""

    def asking(self, written: int) -> HeaderPairs | None:
        """The headers that ask for what comes after so much; None: it cannot be asked for."""
        if not written or not self.validator:
            return None
        return (("Range", f"bytes={written}-"), ("If-Range", self.validator))

    def rest(self, answer: Answered, written: int) -> tuple[Rest, int]:
        """What ``answer`` is to a request for what comes after so much, and where it ends."""
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
    """A strong one: of a weak ETag, or a date of the second in which it was sent, nobody knows."""
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
