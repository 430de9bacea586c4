"""XML from strangers: no DTD, no entities, no network, UTF-8 only, and libxml2's limits kept."""

from __future__ import annotations

from lxml import etree

from onehttp.xcap.errors import WrongNamespaceError, XmlError


def parse(xml: bytes, what: str = "document") -> etree._Element:
    """The root element.

    Raises:
        XmlError: not well-formed, not UTF-8 (RFC 4825, 8.1), with a DTD, or past libxml2's limits
            for depth, size and amplification.
    """
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
    if (described.encoding or "UTF-8").upper() not in ("UTF-8", "US-ASCII", "ASCII"):
        raise XmlError(f"{what}: encoded as {described.encoding}; XCAP documents are UTF-8")
    return root


def check(xml: bytes, namespace: str | None, what: str = "document") -> None:
    """Raises what `parse` does, and WrongNamespaceError for a root of another namespace."""
    root = parse(xml, what)
    found = etree.QName(root).namespace
    if namespace is not None and found != namespace:
        raise WrongNamespaceError(
            f"{what}: its root element is of namespace {found!r}, expected {namespace!r}"
        )
