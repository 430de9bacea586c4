"""``Link`` headers: what a response says of others (RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
_target = re.compile(r"[\s,]*<([^>]*)>").match
_parameter = re.compile(
    r'[ \t]*;[ \t]*([^\s=;,"]*)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;,]*)))?'
).match
_escape = re.compile(r"\\(.)")


class Link(NamedTuple):
    """One link, of one relation."""

    url: str
    """Absolute: relative ones are resolved against the URL that answered."""
    relation: str
    """In lower case: ``next``, ``describedby``, or a URL."""
    attributes: Mapping[str, str]
    """The parameters as they were sent, by name in lower case, the first of each."""


def parse_links(values: Iterable[str], base: str) -> dict[str, Link]:
    """The links of the ``Link`` headers of ``base``, by relation; the first of each.

    Source: RFC 8288, appendix B.2. What does not read as a link is passed over.
    """
    found: dict[str, Link] = {}
    for value in values:
        for target, attributes in _parsed(value):
            url = _resolved(base, target)
            if url is None or "anchor" in attributes:
                continue
            for relation in attributes.get("rel", "").lower().split():
                found.setdefault(relation, Link(url, relation, attributes))
    return found


def _parsed(value: str) -> Iterable[tuple[str, dict[str, str]]]:
    position = 0
    while target := _target(value, position):
        position = target.end()
        attributes: dict[str, str] = {}
        while parameter := _parameter(value, position):
            position = parameter.end()
            name, quoted, plain = parameter.groups("")
            attributes.setdefault(name.lower(), plain or _escape.sub(r"\1", quoted))
        yield target[1].strip(" \t"), attributes
        position = value.find(",", position)
        if position < 0:
            return


def _resolved(base: str, target: str) -> str | None:
    from urllib.parse import quote, urljoin

    try:
        return urljoin(base, quote(target.encode("latin-1", "replace"), safe=_VISIBLE))
    except ValueError:  # a host in brackets that is none
        return None
