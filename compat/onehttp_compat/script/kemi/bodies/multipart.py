"""Multipart bodies as ``textops`` handles them: by lines of text, whatever the parts contain."""

from __future__ import annotations

import itertools
import re
from typing import Final, NamedTuple

BOUNDARY: Final = "unique-boundary-1"
"""The boundary of the server if none is given."""
_boundary = re.compile(r'boundary\s*=\s*(?:"([^"]*)"|([^\s;]+))', re.IGNORECASE)
_LINE_END: Final = b"\r\n"


class BodyPart(NamedTuple):
    """The position of a part. It starts at the line of its type; earlier lines in the part are
    ignored."""

    start: int
    content: int
    """The position after that line. More headers of the part may follow."""
    end: int
    """The position of the boundary after it; -1 if there is none."""
    next: int
    """The position after that boundary."""


def boundary_of(content_type: str) -> str:
    """Return the boundary in a Content-Type; empty if it has none."""
    said = _boundary.search(content_type)
    return (said[1] or said[2] or "") if said else ""


def find_part(body: bytes, boundary: str, kind: str) -> BodyPart | None:
    """Return the first part of that type. The type must be the only text on its line."""
    line = rb"^(?:Content-Type|c):[ \t]*" + re.escape(kind.encode()) + rb"\r\n"
    said = re.search(line, body, re.IGNORECASE | re.MULTILINE)
    if said is None:
        return None
    delimiter = _delimiter(boundary).search(body, said.end())
    if delimiter is None:
        return BodyPart(said.start(), said.end(), -1, -1)
    return BodyPart(said.start(), said.end(), delimiter.start(), delimiter.end())


def content_of(body: bytes, part: BodyPart) -> bytes:
    """Return what ``filter_body`` keeps: to the end of the body if no boundary ends the part."""
    start = part.content + len(_LINE_END) * body.startswith(_LINE_END, part.content)
    if part.end < 0:
        return body[start:]
    return body[start : max(start, part.end - len(_LINE_END))]


def new_part(content: bytes, kind: str, disposition: str, boundary: str) -> bytes:
    """Return a part and the boundary after it."""
    head = f"Content-Type: {kind}\r\n"
    if disposition:
        head += f"Content-Disposition: {disposition}\r\n"
    return b"%s\r\n%s\r\n--%s\r\n" % (head.encode(), content, boundary.encode())


def with_boundaries_put_right(body: bytes, boundary: str) -> bytes:
    """Make the last boundary the closing one, and the others not. Text before the first and after
    the last is removed. With fewer than two boundaries, the server changes nothing."""
    found = list(_delimiter(boundary).finditer(body))
    if len(found) < 2:
        return body
    line = b"--" + boundary.encode()
    pieces = [
        line + _LINE_END + body[one.end() : after.start()]
        for one, after in itertools.pairwise(found)
    ]
    return b"".join([*pieces, line, b"--", _LINE_END])


def _delimiter(boundary: str) -> re.Pattern[bytes]:
    return re.compile(rb"^--" + re.escape(boundary.encode()) + rb"[^\r\n]*(?:\r?\n|$)", re.M)
