"""Reads SIP messages from text files: one or several, and the traces of sipp and sngrep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from onehttp_compat.sip.message import SipMessage, parse_or_refuse

_between: Final = re.compile(rb"(?:\A|\r?\n)%%[ \t]*(?:\r?\n|\Z)")
"""Separates the messages of one file: a line of two percent signs."""
_sipp = re.compile(
    rb"^-{10,}.*\r?\n(?:UDP|TCP|TLS|SCTP) message (?:sent|received)"
    rb"[^\r\n]*?(\d+)[^\r\n]*\r?\n\r?\n",
    re.MULTILINE,
)
_sngrep = re.compile(
    rb"^(?:proto:(\w+) )?\d{4}[-/]\d\d[-/]\d\d[ T]\S+ +(\S+?):(\d+) -+> (\S+?):(\d+)[ \t]*\r?\n"
    rb"(?:\r?\n)?",
    re.MULTILINE,
)
_empty_line = re.compile(rb"\n\r?\n")
_content_length = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)")


class _Piece(NamedTuple):
    data: bytes
    source: tuple[str, int] | None = None
    destination: tuple[str, int] | None = None
    protocol: str = ""


def text_messages(path: Path, data: bytes) -> Iterator[SipMessage]:
    """Return the messages of a text file. Lines that end in LF without CR are assumed to have lost
    the CR."""
    pieces = [piece for piece in _pieces(data) if piece.data.strip()]
    if not pieces:
        yield SipMessage("", label=path.name, received=data, refusal="the file is empty")
    for number, piece in enumerate(pieces, 1):
        label = path.name if len(pieces) == 1 else f"{path.name}#{number}"
        yield parse_or_refuse(
            as_on_the_wire(piece.data), label, piece.source, piece.destination, piece.protocol
        )


def _pieces(data: bytes) -> Iterator[_Piece]:
    if traced := list(_sipp.finditer(data)):
        ends = [*(match.start() for match in traced[1:]), len(data)]
        for match, end in zip(traced, ends, strict=True):
            yield _Piece(data[match.end() : end][: int(match[1])])
    elif seen := list(_sngrep.finditer(data)):
        ends = [*(match.start() for match in seen[1:]), len(data)]
        for match, end in zip(seen, ends, strict=True):
            source = (match[2].decode(), int(match[3]))
            destination = (match[4].decode(), int(match[5]))
            yield _Piece(
                data[match.end() : end], source, destination, (match[1] or b"").decode().lower()
            )
    else:
        for part in _between.split(data):
            yield _Piece(part)


def as_on_the_wire(data: bytes) -> bytes:
    """Return a message as it was sent, without the changes that an editor makes to line ends.

    A message whose first line ends with CR LF is not changed.
    """
    data = data.lstrip(b"\r\n") if data.lstrip(b"\r\n") else data
    first, newline, _ = data.partition(b"\n")
    end = _empty_line.search(data)
    if first.endswith(b"\r") or not newline:
        # A trace adds an empty line after the message.
        return _cut_to_length(data, end.end()) if end else data
    head = data[: end.start()] if end else data.rstrip(b"\n")
    body = data[end.end() :] if end else b""
    wire_head = head.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n\r\n"
    return wire_head + _body_of_length(body, _length(head))


def _body_of_length(body: bytes, length: int | None) -> bytes:
    if length is None:
        return body
    with_cr = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    for candidate in (body, body.rstrip(b"\n"), with_cr, with_cr[:-2]):
        if len(candidate) == length:
            return candidate
    return body


def _cut_to_length(data: bytes, start: int) -> bytes:
    length = _length(data[:start])
    rest = data[start:]
    if length is not None and len(rest) > length and not rest[length:].strip():
        return data[: start + length]
    return data


def _length(head: bytes) -> int | None:
    match = _content_length.search(head)
    return int(match[1]) if match else None
