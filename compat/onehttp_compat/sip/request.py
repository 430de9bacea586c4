"""A SIP request with its bytes as received, because a signature covers the bytes and not their
meaning.

SIP parsers usually write headers anew from what they have understood. Here the text of each header
is kept unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from onehttp import OnehttpError

MAX_HEAD_BYTES: Final = 64 * 1024
_request_line = re.compile(r"([!-~]+) ([!-~]+) SIP/2\.0").fullmatch
_unfolded_line_end = re.compile(r"\r\n(?![ \t])")
_name = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_compact: Final = {
    "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
    "y": "identity", "n": "identity-info",
}  # fmt: skip


class SipRequestError(OnehttpError, ValueError):
    """The bytes are not a SIP request. The message has the position."""


class SipRequest:
    """A request, and the headers that were added to it.

    Text is UTF-8. Other bytes are kept as lone surrogates (``surrogateescape``).

    Attributes:
        received: the bytes it was made from.
        headers: name and text of each header as received, in order; folded lines stay folded.
        body: what follows the empty line.
        added: headers added by functions; they go out after those received.
        transport: of the next hop; over ``udp`` a ``Content-Length`` is added when signing.
    """

    def __init__(self, received: bytes, on_add: Callable[[str], object] | None = None) -> None:
        """Parse a request.

        Args:
            on_add: is called with each added header, as the line that is sent.

        Raises:
            SipRequestError: the bytes are not a SIP request.
        """
        head, empty_line, self.body = received.lstrip(b"\r\n").partition(b"\r\n\r\n")
        if not empty_line:
            raise SipRequestError("not a SIP request: no empty line after the headers")
        if len(head) > MAX_HEAD_BYTES:
            raise SipRequestError(f"{len(head)} bytes of headers; the limit is {MAX_HEAD_BYTES}")
        first, *lines = _unfolded_line_end.split(head.decode("utf-8", "surrogateescape"))
        match = _request_line(first)
        if match is None:
            raise SipRequestError("line 1: expected a request line: METHOD URI SIP/2.0")
        self.received = received
        self.method, self.uri = match.groups()
        self.headers = _headers(lines)
        self.added: list[tuple[str, str]] = []
        self.transport = "udp"
        self._on_add = on_add

    def header(self, name: str) -> str | None:
        """Return the text of the first received header of that name, in long or compact form. None
        if there is none."""
        wanted = name.lower()
        for known, text in self.headers:
            lowered = known.lower()
            if _compact.get(lowered, lowered) == wanted:
                return text
        return None

    def add(self, name: str, text: str) -> None:
        """Add a header after the others."""
        self.added.append((name, text))
        if self._on_add is not None:
            self._on_add(f"{name}: {text}\r\n")

    def to_bytes(self) -> bytes:
        """The request as it is sent."""
        lines = "".join(f"{name}: {text}\r\n" for name, text in self.added)
        end = len(self.received) - len(self.body) - len(b"\r\n")
        added = lines.encode("utf-8", "surrogateescape")
        return self.received[:end] + added + self.received[end:]


def _headers(lines: list[str]) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for number, line in enumerate(lines, 1):
        name, colon, text = line.partition(":")
        if not colon or not _name(name.rstrip(" \t")):
            raise SipRequestError(f"header {number}: expected 'Name: text', got {line[:30]!r}")
        found.append((name.rstrip(" \t"), text))
    return tuple((name, text.strip()) for name, text in found)


def addr_spec(text: str) -> str | None:
    """Return the URI in the first address of a From, To or Contact header, unchanged.

    None if there is none: an empty text, ``*``, or brackets that are not closed.
    """
    match = _address(text.lstrip())
    if match is None:
        return None
    uri = match["inside"] if match["inside"] is not None else match["bare"]
    return uri.strip() if uri and ":" in uri else None


_address = re.compile(
    r'(?:"(?:[^"\\]|\\.)*"[^"<>]*|[^"<>,;:]*)<(?P<inside>[^<>]*)>|(?P<bare>[^\s<>";,]+)',
    re.DOTALL,
).match


def from_tag(text: str) -> str:
    """The tag of a From header; empty if it has none."""
    parameters = text.rpartition(">")[2] if ">" in text else text.partition(";")[2]
    match = re.search(r"(?:^|;)\s*tag\s*=\s*([^;\s]+)", parameters, re.IGNORECASE)
    return match[1] if match else ""
