"""A body in parts, as ``textops`` goes through it: by lines of text, whatever the parts say."""

from __future__ import annotations

import itertools
import re
from typing import Final, NamedTuple

BOUNDARY: Final = "unique-boundary-1"
"""What the server puts between parts where nobody says another."""
_boundary = re.compile(r'boundary\s*=\s*(?:"([^"]*)"|([^\s;]+))', re.IGNORECASE)
_LINE_END: Final = b"\r\n"


class Part(NamedTuple):
    """Where one part stands: from the line of its type, whatever comes before that in the part."""

    start: int
    content: int
    """Behind that line; more lines of its head may follow."""
    end: int
    """The boundary behind it; -1: there is none."""
    next: int
    """Behind that."""


def boundary_of(content_type: str) -> str:
    """What a Content-Type says; empty: nothing."""
    said = _boundary.search(content_type)
    return (said[1] or said[2] or "") if said else ""


def find_part(body: bytes, boundary: str, kind: str) -> Part | None:
    """The first part of that type, which has to be all that its line says."""
    line = rb"^(?:Content-Type|c):[ \t]*" + re.escape(kind.encode()) + rb"\r\n"
    said = re.search(line, body, re.IGNORECASE | re.MULTILINE)
    if said is None:
        return None
    delimiter = _delimiter(boundary).search(body, said.end())
    if delimiter is None:
        return Part(said.start(), said.end(), -1, -1)
    return Part(said.start(), said.end(), delimiter.start(), delimiter.end())


def content_of(body: bytes, part: Part) -> bytes:
    """What is left by ``filter_body``: to the end of the body where no boundary ends the part."""
    start = part.content + len(_LINE_END) * body.startswith(_LINE_END, part.content)
    if part.end < 0:
        return body[start:]
    return body[start : max(start, part.end - len(_LINE_END))]


def new_part(content: bytes, kind: str, disposition: str, boundary: str) -> bytes:
    """A part, and the boundary behind it."""
    head = f"Content-Type: {kind}\r\n"
    if disposition:
        head += f"Content-Disposition: {disposition}\r\n"
    return b"%s\r\n%s\r\n--%s\r\n" % (head.encode(), content, boundary.encode())


def with_boundaries_put_right(body: bytes, boundary: str) -> bytes:
    """The last boundary closes the body, the others do not; what is before the first and behind
    the last is gone. Where there are not two, the server leaves all as it is."""
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
