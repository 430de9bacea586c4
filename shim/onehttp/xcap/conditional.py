"""One exchange with an XCAP server: the headers that make it conditional, and what came of it."""

from __future__ import annotations

from lxml import etree

from onehttp.xcap.errors import (
    ConflictError,
    NotFoundError,
    PreconditionFailedError,
    StatusError,
    XmlError,
)
from onehttp.xcap.etags import usable_etag
from onehttp.xcap.safe_xml import parse
from onehttp_backends.contract import Response
from onehttp_backends.headers import HeaderPairs

NOT_MODIFIED = 304
_CONFLICT = 409
_ERRORS = {404: NotFoundError, 410: NotFoundError, 412: PreconditionFailedError}


def conditions(if_match: str | None = None, if_none_match: str | None = None) -> HeaderPairs:
    """The conditional headers of a request. Their values are checked by the engine."""
    pairs = (("If-Match", if_match), ("If-None-Match", if_none_match))
    return tuple((name, value) for name, value in pairs if value is not None)


def etag_of(response: Response) -> str | None:
    """The entity tag of a response, if there is one that can be sent back."""
    return usable_etag(response.headers.get("etag"))


def check_status(response: Response) -> None:
    """Raises the StatusError of anything but a 2xx."""
    status, url = response.status, response.url
    if 200 <= status < 300:
        return
    if status == _CONFLICT:
        raise ConflictError(status, url, response.reason, _condition(response.body))
    raise _ERRORS.get(status, StatusError)(status, url, response.reason)


def _condition(body: bytes) -> str | None:
    """The name of the error element of an ``application/xcap-error+xml`` body."""
    try:
        root = parse(body, "error document")
    except XmlError:
        return None
    first = next(iter(root), None)
    return None if first is None else etree.QName(first).localname
