"""Dot segments in the path of a URL: how libcurl takes them out, and how high they climb; and what
is not ASCII in it."""

from __future__ import annotations

import re

_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
_escape = re.compile("%[0-9A-Fa-f]{2}")
_escaped_mark = re.compile("%(2[ef]|5c)", re.IGNORECASE)
_MARKS = {"2e": ".", "2f": "/", "5c": "\\"}
_separators = re.compile(r"[/\\]")


def asked_url(url: str) -> str:
    """``url`` as libcurl asks for it: no dot segments in its path, and escapes in capitals."""
    if "/." not in url and "%" not in url:
        return url
    start = url.find("/", url.find("://") + 3)
    if start < 0:
        return url
    end = min((at for mark in "?#" if (at := url.find(mark)) >= 0), default=len(url))
    return f"{url[:start]}{asked_path(url[start:end])}{url[end:]}" if start < end else url


def in_ascii(text: str) -> str:
    """A URL, or a part of it, with what is not ASCII percent-encoded (RFC 3986, 2.5)."""
    if text.isascii():
        return text
    from urllib.parse import quote  # not for every process

    return quote(text, safe=_VISIBLE)


def asked_path(path: str) -> str:
    """The same of a path alone."""
    if "%" in path:
        path = _escape.sub(lambda found: found[0].upper(), path)
    return without_dot_segments(path)


def without_dot_segments(path: str) -> str:
    """A path without ``.`` and ``..``, which may be written ``%2e``.

    Source: RFC 3986, 5.2.4; libcurl takes an escaped dot for one, too.
    """
    if "/." not in path and "%2e" not in path.lower():
        return path
    kept: list[str] = []
    dots = ""
    for segment in path.split("/"):
        dots = segment.lower().replace("%2e", ".")
        if dots == "..":
            del kept[max(1, len(kept) - 1) :]
        elif dots != ".":
            kept.append(segment)
    return "/".join([*kept, ""] if dots in (".", "..") else kept)


def climbs_out(path: str) -> bool:
    """Whether ``path``, appended to a base, may lead out of it for any server that reads it.

    libcurl takes out ``..`` and ``%2e%2e``. What it leaves, a server may still resolve: ``%2f``
    and ``\\`` are separators to some, ``//`` is one slash, and ``..;x`` is ``..`` to Java's.
    """
    if ".." not in path and "%2" not in path:
        return False
    raw = re.split("[?#]", path, maxsplit=1)[0]
    plain = _escaped_mark.sub(lambda found: _MARKS[found[1].lower()], raw)
    depth = 0
    for segment in _separators.split(plain):
        name = segment.partition(";")[0]
        if name == "..":
            depth -= 1
            if depth < 0:
                return True
        elif name not in ("", "."):
            depth += 1
    return False
