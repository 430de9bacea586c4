"""Dot segments in the path of a URL: how libcurl takes them out before it asks."""

from __future__ import annotations


def asked_url(url: str) -> str:
    """``url`` as it is asked for: without dot segments in its path."""
    if "/." not in url and "%2" not in url:
        return url
    start = url.find("/", url.find("://") + 3)
    if start < 0:
        return url
    end = min((at for mark in "?#" if (at := url.find(mark)) >= 0), default=len(url))
    return f"{url[:start]}{without_dot_segments(url[start:end])}{url[end:]}" if start < end else url


def without_dot_segments(path: str) -> str:
    """The path without ``.`` and ``..``, which may be written ``%2e``.

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
