"""Parts of documents as servers hand them out: without what their ancestors declare."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import quoteattr

from lxml import etree

from onehttp.xcap.errors import XmlError
from onehttp.xcap.safe_xml import check_utf8, parse

_undeclared = re.compile(r"Namespace prefix (\S+) (?:for \S+ )?on ").match
_declaration = re.compile(rb"\A\s*<\?xml\s[^>]*\?>")
_own_prefix = re.compile(rb"(?:\s|<!--.*?-->|<\?.*?\?>)*<([\w.-]+):", re.DOTALL)
_MOST_PREFIXES: Final = 64


def parse_fragment(
    xml: bytes, what: str, namespace: str | None, namespaces: Mapping[str, str]
) -> etree._Element:
    """The one element of a fragment.

    Args:
        namespace: of the element, where its prefix is declared nowhere.
        namespaces: prefix -> namespace, of what encloses it.

    Raises:
        XmlError: as of `parse`; it is not one element.
    """
    check_utf8(xml, what)
    if not namespaces and not _missing(xml):
        return parse(xml, what)
    xml = xml.removeprefix(b"\xef\xbb\xbf")
    bound = dict(namespaces)
    own = _own_prefix.match(xml)
    if own is not None and namespace is not None:
        bound.setdefault(own[1].decode(), namespace)
    while missing := _missing(_enclosed(xml, bound)) - bound.keys():
        if len(bound) > _MOST_PREFIXES:
            raise XmlError(f"{what}: more than {_MOST_PREFIXES} prefixes are declared nowhere")
        bound.update((prefix, f"undeclared:{prefix}") for prefix in missing)
    root = parse(_enclosed(xml, bound), what)
    elements = list(root.iterchildren(etree.Element))
    if len(elements) != 1 or (root.text or "").strip() or (elements[0].tail or "").strip():
        raise XmlError(f"{what}: not one element")
    alone = copy.deepcopy(elements[0])
    alone.tail = None
    return alone


def _missing(xml: bytes) -> set[str]:
    """Prefixes that nothing declares; none where something else is wrong with it, too."""
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError):
        errors = [str(error.message) for error in parser.error_log]
        return {match[1] for match in map(_undeclared, errors) if match}
    return set()


def _enclosed(xml: bytes, bound: Mapping[str, str]) -> bytes:
    declared = "".join(f" xmlns:{prefix}={quoteattr(name)}" for prefix, name in bound.items())
    body = _declaration.sub(b"", xml, count=1)
    return b"<fragment%s>%s</fragment>" % (declared.encode(), body)
