"""A received SIP message, parsed as the server does it. It is never changed.

Text is UTF-8. Other bytes are kept as lone surrogates (``surrogateescape``).
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from onehttp import OnehttpError
from onehttp_compat.sip.address import Address, parse_address
from onehttp_compat.sip.uri import DEFAULT_PORT, SipUri, parse_uri
from onehttp_compat.sip.value import Value
from onehttp_compat.sip.via import Via, parse_via, split_vias

Endpoint: TypeAlias = tuple[str, int]
"""A host and a port."""
COMPACT: Final = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact",
    "k": "supported", "l": "content-length", "m": "contact", "o": "event", "r": "refer-to",
    "s": "subject", "t": "to", "u": "allow-events", "v": "via", "x": "session-expires",
    "y": "identity",
}  # fmt: skip
MANDATORY: Final = ("via", "from", "to", "call-id", "cseq")
"""If one of these is missing, the server drops the message before its script runs."""

_KNOWN: Final = frozenset((
    *COMPACT.values(), *MANDATORY, "max-forwards", "route", "record-route", "expires", "event",
    "authorization", "proxy-authorization", "user-agent", "server", "require", "accept", "allow",
    "p-asserted-identity", "diversion", "privacy", "path", "date", "min-expires",
))  # fmt: skip
_name = re.compile(r"[A-Za-z0-9+._~-]+").match

_request_line = re.compile(r"([^\s\0]+) ([^\r\n]*\S) (SIP/2\.0|HTTP/\d\.\d)[ \t]*", re.IGNORECASE)
_status_line = re.compile(r"(SIP/2\.0) (\d{3})(?: ([^\r\n]*))?", re.IGNORECASE)
_line_end = re.compile(rb"\r?\n(?![ \t])")
_empty_line = re.compile(rb"\r?\n\r?\n")
_header = re.compile(r"([A-Za-z0-9+._~-]+)[ \t]*:(.*)", re.DOTALL)
_cseq = re.compile(r"(\d+)\s+(\S+)")


class MessageError(OnehttpError, ValueError):
    """The server would drop these bytes before its script runs. The message has the reason."""


@dataclass(frozen=True, slots=True)
class SipMessage:
    """A request or a reply, and the address that it came from."""

    method: str
    """For a reply, the method of its request."""
    uri: str = ""
    """Empty for a reply."""
    headers: tuple[tuple[str, str], ...] = ()
    """Names as they were written, and texts without surrounding spaces. Folded lines stay
    folded."""
    body: bytes = b""
    source: Endpoint = ("127.0.0.1", 5060)
    destination: Endpoint = ("127.0.0.1", 5060)
    label: str = field(default="built-in", compare=False)
    received: bytes = field(default=b"", compare=False, repr=False)
    """The bytes that were parsed; empty for an artificial message."""
    protocol: str = "udp"
    status: int = 0
    """0 for a request."""
    reason: str = ""
    version: str = "SIP/2.0"
    is_broken: bool = field(default=False, compare=False)
    """The last of `headers` is followed by something that is no header, for example because the
    message is cut off."""
    refusal: str = field(default="", compare=False)
    """Why the server would drop these bytes before its script runs; empty if it would not."""

    @property
    def is_request(self) -> bool:
        return not self.status

    def all(self, name: str) -> list[str]:
        """The texts of the headers of that name, in long or compact form, in order."""
        wanted = canonical(name)
        return [text for known, text in self.headers if canonical(known) == wanted]

    def header(self, name: str) -> str | None:
        """The first header of that name, in long or compact form; None if there is none."""
        wanted = canonical(name)
        return next((text for known, text in self.headers if canonical(known) == wanted), None)

    def address(self, name: str) -> Address | None:
        """The first address of a header. None if there is no such header, or if it cannot be
        parsed."""
        text = self.header(name)
        return None if text is None else parse_address(text)

    @property
    def parsed_uri(self) -> SipUri | None:
        return parse_uri(self.uri)

    @property
    def vias(self) -> list[str]:
        return [one for text in self.all("via") for one in split_vias(text)]

    @property
    def top_via(self) -> Via | None:
        vias = self.vias
        return parse_via(vias[0]) if vias else None

    @property
    def cseq(self) -> tuple[str, str]:
        """Its number and method; both are empty if the header cannot be parsed."""
        match = _cseq.match(self.header("cseq") or "")
        return (match[1], match[2]) if match else ("", "")

    def wire(self) -> bytes:
        """The message as bytes. A received message is not changed."""
        return self.received or self.first_line_and_headers() + self.body

    def first_line_and_headers(self) -> bytes:
        """Everything before the body."""
        lines = [self.first_line, *(f"{name}: {text}" for name, text in self.headers), "", ""]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape")

    def lines(self) -> tuple[list[bytes], bytes]:
        """The first line and one for each of `headers`, with their line ends, and all that
        follows."""
        wire = self.wire()
        at, found = len(wire) - len(wire.lstrip(b" \t\r\n")), []
        for _ in range(1 + len(self.headers)):
            end = _line_end.search(wire, at)
            found.append(wire[at : end.end() if end else len(wire)])
            at += len(found[-1])
        return found, wire[at:]

    @property
    def first_line(self) -> str:
        if self.is_request:
            return f"{self.method} {self.uri} {self.version}"
        return f"{self.version} {self.status} {self.reason}"

    def variables(self) -> dict[str, Value]:
        """The most common pseudo-variables, for code that keeps messages as variables."""
        sender, receiver = self.address("from"), self.address("to")
        values: dict[str, Value] = {
            "$rm": self.method,
            "$ru": self.uri,
            "$ci": self.header("call-id"),
            "$cs": self.cseq[0] or None,
            "$ua": self.header("user-agent"),
            "$cT": self.header("content-type"),
            "$rb": self.body or None,
            "$si": self.source[0],
            "$sp": self.source[1],
            "$Ri": self.destination[0],
            "$Rp": self.destination[1],
            "$ml": len(self.wire()),
            "$proto": self.protocol,
            **_uri_parts("r", self.parsed_uri),
        }
        for letter, address in (("f", sender), ("t", receiver)):
            values[f"${letter}u"] = address.uri if address else None
            values[f"${letter}t"] = address.param("tag") if address else None
            values |= _uri_parts(letter, address.parsed_uri if address else None)
        return values | {f"$hdr({name})": text for name, text in reversed(self.headers)}


def _uri_parts(letter: str, uri: SipUri | None) -> dict[str, Value]:
    parts: dict[str, Value] = {
        f"${letter}U": uri.user or None if uri else None,
        f"${letter}d": uri.host or None if uri else None,
    }
    if letter == "r" and uri:
        parts["$rp"] = uri.port_number
    return parts


@functools.lru_cache(maxsize=512)
def canonical(name: str) -> str:
    """The long form of a header's name, in lower case."""
    lowered = name.lower()
    return COMPACT.get(lowered, lowered)


is_header_name = re.compile(r"[A-Za-z0-9+._~-]+[ \t]*(?::.*)?", re.DOTALL).fullmatch
"""Matches what functions take as the name of a header. A text may follow, which they ignore."""


def asked_for(name: str) -> str:
    """The name of the header that a function is asked for. Text may follow the name of a header
    that the server knows, such as a colon; other names are compared as a whole."""
    found = _name(name)
    return found[0] if found and canonical(found[0]) in _KNOWN else name


def parse(
    received: bytes,
    label: str = "",
    source: Endpoint | None = None,
    destination: Endpoint | None = None,
    protocol: str = "",
    needed: Collection[str] = MANDATORY,
) -> SipMessage:
    """Parse a message.

    Args:
        source, destination, protocol: from a capture, if it has them; otherwise the Via header is
            used.
        needed: the headers without which the message would be dropped.

    Raises:
        MessageError: the server would drop it; the text has the reason.
    """
    start = len(received) - len(received.lstrip(b" \t\r\n"))
    if start == len(received) or not received.strip(b"\0"):
        raise MessageError("a keep-alive: nothing in it")
    end = _empty_line.search(received, start)
    head = received[start : end.start() if end else len(received)]
    first, *lines = _line_end.split(head)
    text = first.decode("utf-8", "surrogateescape")
    request, reply = _request_line.fullmatch(text), _status_line.fullmatch(text)
    if request is None and reply is None:
        raise MessageError(
            f"{shown(first)} is neither a request line (INVITE sip:bob@example.org SIP/2.0) "
            "nor a status line (SIP/2.0 200 OK)"
        )
    headers, is_broken = _headers(lines, end is None, needed)
    message = SipMessage(
        method=request[1] if request else "",
        uri=request[2] if request else "",
        headers=headers,
        body=received[end.end() :] if end else b"",
        destination=destination or ("127.0.0.1", DEFAULT_PORT),
        label=label,
        received=received,
        status=int(reply[2]) if reply else 0,
        reason=(reply[3] or "") if reply else "",
        version=(request[3] if request else "SIP/2.0").upper(),
        is_broken=is_broken,
    )
    via, (_, method) = message.top_via, message.cseq
    if message.version.startswith("SIP"):
        _check(message, via, method, needed)
    sender = (via.host.strip("[]"), via.port or DEFAULT_PORT) if via else message.source
    return dataclasses.replace(
        message,
        method=message.method or method,
        source=source or sender,
        protocol=protocol or (via.transport.lower() if via else "tcp"),
    )


def parse_again(changed: bytes, message: SipMessage) -> SipMessage:
    """Parse the changed bytes of a message that has been received. No header has to be there, but
    the server parses them up to the first Via. If it cannot, the result has the reason in it, and
    no headers."""
    origin = (message.source, message.destination, message.protocol)
    try:
        return parse(changed, message.label, *origin, needed=())
    except MessageError as error:
        return dataclasses.replace(
            message, headers=(), body=b"", received=changed, is_broken=True, refusal=str(error)
        )


def parse_or_refuse(
    received: bytes,
    label: str,
    source: Endpoint | None,
    destination: Endpoint | None,
    protocol: str,
) -> SipMessage:
    """The same as `parse`, but a message that the server would drop is returned with the reason in
    it."""
    try:
        return parse(received, label, source, destination, protocol)
    except MessageError as error:
        return SipMessage("", label=label, received=received, refusal=str(error))


def _check(message: SipMessage, via: Via | None, method: str, needed: Collection[str]) -> None:
    if not needed and via is None and message.header("via") is None and message.headers:
        return
    missing = [name for name in needed if message.header(name) is None]
    if missing:
        raise MessageError(f"has no header {missing[0].title().replace('Id', 'ID')}")
    if via is None:
        raise MessageError(f"Via: cannot be read: {(message.header('via') or '')[:60]!r}")
    if not method and "cseq" in needed:
        raise MessageError(f"CSeq: cannot be read: {(message.header('cseq') or '')[:60]!r}")


def _headers(
    lines: list[bytes], is_open: bool, needed: Collection[str]
) -> tuple[tuple[tuple[str, str], ...], bool]:
    """The headers up to the first one that cannot be parsed, and whether there is such a one.

    Raises:
        MessageError: the headers before it lack a mandatory one.
    """
    found: list[tuple[str, str]] = []
    last = len(lines) - 1
    for number, line in enumerate(lines):
        if is_open and number == last and not line:
            break
        match = _header.fullmatch(line.decode("utf-8", "surrogateescape"))
        # Without a line end the last header may be incomplete, and after a length that is no number
        # the server reads no more headers.
        is_bad_length = match is not None and _is_bad_length(match[1], match[2])
        if match is None or is_bad_length or (is_open and number == last):
            names = {canonical(name) for name, _ in found}
            if names.issuperset(needed or ("via",)):
                return tuple(found), True
            raise MessageError(f"header {number + 1}: expected 'Name: text', got {shown(line)}")
        found.append((match[1], match[2].strip(" \t\r\n")))
    return tuple(found), False


def _is_bad_length(name: str, text: str) -> bool:
    return canonical(name) == "content-length" and not text.strip().isdigit()


def shown(line: bytes) -> str:
    """Return a line for messages, shortened to a limit."""
    return repr(line[:40].decode("utf-8", "replace"))
