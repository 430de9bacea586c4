"""Results of an XCAP client: documents and nodes. Their XML is parsed when it is asked for."""

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
    """A document as it is on the server."""

    selector: DocumentSelector
    url: str
    body: bytes = field(repr=False)
    etag: str | None = None
    """The etag, with its quotes; None if the server gave none that could be sent back."""
    is_stored: bool = False
    """Whether it is in the store, so that a later `get` need not fetch it again if unchanged."""
    is_done: bool = True
    """False after a `put` that the server has accepted, but not carried out yet (202)."""

    @property
    def root(self) -> etree._Element:
        """The root element, parsed with lxml.

        Raises:
            XmlError: the body is not well-formed.
        """
        return parse(self.body, self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of a document: an element, the value of an attribute, or namespace bindings."""

    selector: NodeSelector
    url: str
    body: bytes = field(repr=False)
    etag: str | None = None
    """The etag of the whole document."""
    namespace: str | None = None
    """The namespace of the element that was asked for; None if not known."""
    accepted: frozenset[str] = frozenset()
    """Other namespaces that are accepted for it, because servers differ."""

    @property
    def text(self) -> str:
        """The body as text; for an attribute, its value."""
        return self.body.decode("utf-8", "replace")

    @property
    def root(self) -> etree._Element:
        """The element; use `within` if it has prefixes that only its ancestors declare.

        Raises:
            XmlError: the body is not well-formed.
            WrongNamespaceError: it is another element than the one that was asked for.
        """
        return self.within({})

    def within(self, namespaces: Mapping[str, str]) -> etree._Element:
        """The element, given the prefixes that its ancestors declare (prefix -> namespace).

        A fragment need not repeat them (RFC 4825, 7.8). The prefix of the element itself need not
        be given, since its namespace was asked for. Any other prefix that is not given is read as
        the namespace ``undeclared:PREFIX``.

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
