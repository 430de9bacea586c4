"""XML from strangers: no DTD, no entities, no network, UTF-8 only, and libxml2's limits kept."""

from __future__ import annotations

import logging

from lxml import etree

from onehttp.xcap.applications import Application
from onehttp.xcap.errors import WrongNamespaceError, XmlError

_log = logging.getLogger("onehttp.xcap")


def check_utf8(data: bytes, what: str) -> None:
    """Raises XmlError for what is not UTF-8: also UTF-16 and UTF-32, with a mark or without."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        place = f"byte {error.start}"
    else:
        place = f"byte {data.index(0)} is NUL" if b"\0" in data else ""
    if place:
        raise XmlError(f"{what}: not UTF-8 ({place}); XCAP documents are (RFC 4825, 8.1)")


def parse(xml: bytes, what: str = "document") -> etree._Element:
    """The root element.

    Raises:
        XmlError: not well-formed, not XML 1.0 in UTF-8 (RFC 4825, 8.1), with a DTD, or past
            libxml2's limits for depth, size and amplification.
    """
    check_utf8(xml, what)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
    )
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise XmlError(f"{what}: not to be parsed: {error}") from None
    described = root.getroottree().docinfo
    if described.internalDTD is not None:
        raise XmlError(f"{what}: has a DTD, which no XCAP document needs")
    if described.xml_version != "1.0":  # which readers of 1.0 and 1.1 would take for two documents
        raise XmlError(f"{what}: XML {described.xml_version}; XCAP documents are XML 1.0")
    if (described.encoding or "UTF-8").upper() not in ("UTF-8", "US-ASCII", "ASCII"):
        raise XmlError(f"{what}: encoded as {described.encoding}; XCAP documents are UTF-8")
    return root


def check(xml: bytes, usage: Application, what: str = "document") -> None:
    """Raises what `parse` does, and WrongNamespaceError for a root of a foreign namespace."""
    root = parse(xml, what)
    found, wanted = etree.QName(root).namespace, usage.root_namespace
    if wanted is None or found == wanted:
        return
    if found not in usage.accepted:
        raise WrongNamespaceError(
            f"{what}: its root element is of namespace {found!r}, expected {wanted!r}"
        )
    _log.warning("%s: its root element is of namespace %r, not %r", what, found, wanted)
