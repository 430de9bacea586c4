"""The engine of this Python: its version, its features, and known weaknesses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import pycurl

from onehttp_compat.doctor.finding import Finding


class Advisory(NamedTuple):
    """A published weakness of libcurl."""

    name: str
    published: str
    first: tuple[int, int, int]
    fixed: tuple[int, int, int]
    text: str


ADVISORIES: Final = (
    Advisory("CVE-2023-38545", "2023-10-11", (7, 69, 0), (8, 4, 0),
             "a long host name behind a SOCKS5 proxy overflows the heap"),
    Advisory("CVE-2023-38546", "2023-10-11", (7, 9, 1), (8, 4, 0),
             "cookies are loaded from a file named none"),
    Advisory("CVE-2024-2398", "2024-03-27", (7, 44, 0), (8, 7, 0),
             "too many headers of an HTTP/2 push leak memory"),
    Advisory("CVE-2024-7264", "2024-07-31", (7, 32, 0), (8, 9, 1),
             "parsing a date in a certificate reads beyond its end"),
    Advisory("CVE-2024-8096", "2024-09-11", (7, 41, 0), (8, 10, 0),
             "with GnuTLS some invalid stapled OCSP responses are accepted"),
    Advisory("CVE-2025-0665", "2025-02-05", (8, 11, 1), (8, 12, 0),
             "after a lookup in a thread an unrelated descriptor may be closed"),
    Advisory("CVE-2026-8932", "2026-06-24", (7, 7, 0), (8, 21, 0),
             "a kept connection may be reused although the client certificate has changed"),
)  # fmt: skip
"""Advisories that can concern calls of ``onehttp``. The newest shows the age of the list."""
_FEATURES: Final = ("VERSION_HTTP2", "VERSION_HTTP3")
_number = re.compile(r"libcurl/(\d+)\.(\d+)\.(\d+)").search


def version_findings(version: str = pycurl.version) -> Iterator[Finding]:
    """Return what is known about a build of libcurl, from its own version information."""
    yield Finding("information", "engine", version)
    features = pycurl.version_info()[4]
    missing = [name.removeprefix("VERSION_") for name in _FEATURES
               if not features & getattr(pycurl, name, 0)]  # fmt: skip
    if missing:
        yield Finding("information", "engine", f"built without {', '.join(missing)}")
    match = _number(version)
    if match is None:
        return
    found = (int(match[1]), int(match[2]), int(match[3]))
    for one in ADVISORIES:
        if one.first <= found < one.fixed:
            fixed = ".".join(map(str, one.fixed))
            yield Finding(
                "warning", "engine", f"{one.name} ({one.published}): {one.text}",
                f"update to libcurl {fixed}; distributions may have fixed it under the old number",
            )  # fmt: skip
