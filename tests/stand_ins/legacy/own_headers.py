"""A request without what clients say of themselves, to be compared with another's."""

from __future__ import annotations

import re

_OWN = re.compile(rb"(?mi)^(user-agent|host|accept|accept-encoding|connection): .*\r\n")


def wire(request: bytes) -> list[bytes]:
    """First line, header lines in whatever order, body."""
    head, _, body = _OWN.sub(b"", request).partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return [first, *sorted(line.lower() for line in lines), body]
