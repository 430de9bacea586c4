"""What a client gets: documents and nodes, parsed when asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from onehttp.xcap.errors import WrongNamespaceError
from onehttp.xcap.safe_xml import parse
from onehttp.xcap.selectors import DocumentSelector, NodeSelector


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document as it is on the server."""

    selector: DocumentSelector
    url: str
    body: bytes = field(repr=False)
    etag: str | None = None
    """Quotes and all; None where the server gave none that can be sent back."""
    is_stored: bool = False
    """It is in the store: a later `get` need not fetch it again if it is unchanged."""

    @property
    def root(self) -> etree._Element:
        """Its root element.

        Raises:
            XmlError: not to be parsed.
        """
        return parse(self.body, self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of a document: an element, an attribute's value, or namespace bindings."""

    selector: NodeSelector
    url: str
    body: bytes = field(repr=False)
    etag: str | None = None
    """Of the whole document."""
    namespace: str | None = None
    """Of the element, as it was asked for; None where that is not known."""

    @property
    def text(self) -> str:
        """The body as text: the value, for an attribute."""
        return self.body.decode("utf-8", "replace")

    @property
    def root(self) -> etree._Element:
        """The element.

        Raises:
            XmlError: not to be parsed, e.g. for prefixes that only its ancestors declare.
            WrongNamespaceError: it is another element than was asked for.
        """
        root = parse(self.body, self.url)
        found = etree.QName(root)
        wanted = self.selector.steps[-1].name
        # A fragment need not repeat the declarations of its ancestors (RFC 4825, 7.8).
        is_other = found.namespace is not None and self.namespace not in (None, found.namespace)
        if is_other or wanted not in ("*", found.localname):
            raise WrongNamespaceError(
                f"{self.url}: the server sent {{{found.namespace}}}{found.localname}, "
                f"asked for was {{{self.namespace}}}{wanted}"
            )
        return root
