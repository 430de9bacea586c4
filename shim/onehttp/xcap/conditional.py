"""One exchange with an XCAP server: the headers that make it conditional, and what came of it."""

from __future__ import annotations

from lxml import etree

from onehttp.xcap.errors import (
    ConflictError,
    NotFoundError,
    PreconditionFailedError,
    StatusError,
    Taken,
    XmlError,
)
from onehttp.xcap.safe_xml import parse
from onehttp.xcap.store.etags import usable_etag
from onehttp_backends.contract import Response
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.hints.keywords import explained

NOT_MODIFIED = 304
UNCHANGED = frozenset({NOT_MODIFIED})
"""The statuses of which a refresh reads nothing else."""
GONE = frozenset({404, 410})
_DOCUMENT = frozenset({200, 203})
_ACCEPTED = 202
_CONFLICT = 409
_ERRORS = {404: NotFoundError, 410: NotFoundError, 412: PreconditionFailedError}


@explained
def conditions(if_match: str | None = None, if_none_match: str | None = None) -> HeaderPairs:
    """The conditional headers of a request. Their values are checked by the engine."""
    pairs = (("If-Match", if_match), ("If-None-Match", if_none_match))
    return tuple((name, value) for name, value in pairs if value is not None)


@explained
def etag_of(response: Response) -> str | None:
    """The entity tag of a response, if there is one that can be sent back."""
    return usable_etag(response.headers.get("etag"))


def check_status(response: Response) -> None:
    """Raises the StatusError of anything but a 2xx."""
    status, url = response.status, response.url
    if 200 <= status < 300:
        return
    if status == _CONFLICT:
        raise _conflict(url, response.reason, response.body)
    raise _ERRORS.get(status, StatusError)(status, url, response.reason)


def check_document(response: Response) -> None:
    """Raises the StatusError of anything but a 2xx that brings a whole document."""
    check_status(response)
    if response.status not in _DOCUMENT:
        why = f"{response.reason}: that is no document".lstrip()
        raise StatusError(response.status, response.url, why)


def is_done(response: Response) -> bool:
    """Whether a change that was not refused is made; 202 says only that somebody may make it."""
    return response.status != _ACCEPTED


def _conflict(url: str, reason: str, body: bytes) -> ConflictError:
    """The error of a 409 (RFC 4825, 11); no condition where its body is no error document."""
    try:
        root = parse(body, "error document")
    except XmlError:
        return ConflictError(_CONFLICT, url, reason)
    if etree.QName(root).localname != "xcap-error":  # a page for people, perhaps
        return ConflictError(_CONFLICT, url, reason)
    # Comments and processing instructions are children too, but have no name.
    first = next(root.iterchildren(etree.Element), None)
    if first is None:
        return ConflictError(_CONFLICT, url, reason)
    return ConflictError(
        _CONFLICT,
        url,
        reason,
        etree.QName(first).localname,
        phrase=first.get("phrase"),
        taken=tuple(map(_taken, _named(first, "exists"))),
        ancestor=next((_text(one) for one in _named(first, "ancestor")), None),
    )


def _taken(exists: etree._Element) -> Taken:
    values = tuple(_text(one) for one in _named(exists, "alt-value"))
    return Taken(exists.get("field") or "", values)


def _named(parent: etree._Element, name: str) -> list[etree._Element]:
    children = parent.iterchildren(etree.Element)
    return [one for one in children if etree.QName(one).localname == name]


def _text(element: etree._Element) -> str:
    return "".join(map(str, element.itertext(etree.Element))).strip()
