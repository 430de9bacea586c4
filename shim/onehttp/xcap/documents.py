"""What a client gets: documents and nodes, parsed when asked."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from onehttp.xcap.errors import WrongNamespaceError
from onehttp.xcap.fragments import parse_fragment
from onehttp.xcap.safe_xml import parse
from onehttp.xcap.selectors import DocumentSelector, NodeSelector

_log = logging.getLogger("onehttp.xcap")


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
    is_done: bool = True
    """False after a `put` that the server has accepted, but not carried out yet (202)."""

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
    accepted: frozenset[str] = frozenset()
    """Which others are taken for it, since servers differ."""

    @property
    def text(self) -> str:
        """The body as text: the value, for an attribute."""
        return self.body.decode("utf-8", "replace")

    @property
    def root(self) -> etree._Element:
        """The element; see `within` for prefixes that only its ancestors declare.

        Raises:
            XmlError: not to be parsed.
            WrongNamespaceError: it is another element than was asked for.
        """
        return self.within({})

    def within(self, namespaces: Mapping[str, str]) -> etree._Element:
        """The element, where its ancestors declare these prefixes (prefix -> namespace).

        A fragment need not repeat them (RFC 4825, 7.8). The prefix of the element itself needs no
        telling, since its namespace was asked for; any other is read as namespace
        ``undeclared:PREFIX``.

        Raises:
            XmlError, WrongNamespaceError: as for `root`.
        """
        root = parse_fragment(self.body, self.url, self.namespace, namespaces)
        found = etree.QName(root)
        wanted = self.selector.steps[-1].name
        is_same = found.namespace is None or self.namespace in (None, found.namespace)
        if not is_same and found.namespace in self.accepted:
            _log.warning(
                "%s: the server takes {%s} for {%s}", self.url, found.namespace, self.namespace
            )
        elif not is_same or wanted not in ("*", found.localname):
            raise WrongNamespaceError(
                f"{self.url}: the server sent {{{found.namespace}}}{found.localname}, "
                f"asked for was {{{self.namespace}}}{wanted}"
            )
        return root
