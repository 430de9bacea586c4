"""Explains lines that the server would not read, if they resemble something well known."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import Final

from onehttp_compat.convert.outcomes import ConversionFinding

_TEMPLATE: Final = "a line of a template? Convert what is made of it"
_KNOWN: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = (
    (
        re.compile(rb"^(<{7}|={7}|>{7}|\|{7})( |\r?$)"),
        "a conflict of two versions that nobody has solved",
    ),
    (
        re.compile(rb"\xe2\x80[\x98-\x9f]|\xc2[\xab\xbb]"),
        "quotes of a word processor; the server's are \" and '",
    ),
    (re.compile(rb"\0"), "UTF-16? The server reads UTF-8, or Latin-1"),
    (
        re.compile(rb"^\[(server|client):"),
        "a file of the module tls? Its parameter config names it",
    ),
    (re.compile(rb"\{\{|\{%|\{#|<%|%>|\$\{?[A-Z][A-Z0-9_]+\}?"), _TEMPLATE),
    (
        re.compile(rb"%%\w+%%|@@?[A-Z]\w+@@?|\b__[A-Z]\w+__\b|\b(define|divert|dnl)\b.*[(`']"),
        _TEMPLATE,
    ),
    (re.compile(rb"^ *```"), "Markdown around a configuration?"),
)


_PLACEHOLDER: Final = re.compile(rb"\{\{|\{%|<%|\$\{[A-Za-z_]")
_UNDERSTOOD: Final = ((_PLACEHOLDER, _TEMPLATE),)
"""What no server replaces, in texts that were understood."""


def with_hints(findings: Iterable[ConversionFinding]) -> Iterator[ConversionFinding]:
    """Add a likely reason to the findings about lines that were not understood, and a hint to those
    about lines that were, but have a placeholder of a template in a text.

    If a line with such a reason has several findings without a parameter, only the first is kept.
    """
    told: set[str] = set()
    for one in findings:
        hint = _hint(one.place, _KNOWN if one.became == "not understood" else _UNDERSTOOD)
        if not hint:
            yield one
            continue
        if one.what or one.place not in told:
            yield one._replace(text=f"{one.text} ({hint})")
        told.add(one.place)


def _hint(place: str, known: Iterable[tuple[re.Pattern[bytes], str]]) -> str:
    file, _, line = place.rpartition(":")
    lines = _lines(file)
    number = int(line) - 1 if line.isdigit() else -1
    if not 0 <= number < len(lines):
        return ""
    return next((hint for mark, hint in known if mark.search(lines[number])), "")


@functools.lru_cache(maxsize=8)
def _lines(file: str) -> list[bytes]:
    try:
        with open(file, "rb") as content:
            return content.read().split(b"\n")
    except OSError:
        return []
