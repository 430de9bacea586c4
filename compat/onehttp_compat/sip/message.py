"""SIP requests from files: as much of them as routing scripts read."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from onehttp import OnehttpError
from onehttp_compat.sip.value import Value

_request_line = re.compile(r"([A-Za-z]+) (\S+) SIP/2\.0\Z").match
_uri = re.compile(r"(sips?|tel):(?:([^@;?>]*)@)?([^:;?>]*)(?::(\d+))?", re.IGNORECASE).match
_COMPACT: Final = {
    "f": "from", "t": "to", "i": "call-id", "v": "via", "m": "contact", "c": "content-type",
    "l": "content-length", "s": "subject", "k": "supported",
}  # fmt: skip
SEPARATOR: Final = "\n%%\n"
"""Between two messages in one file: a line of two percent signs."""
_between_messages: Final = re.compile(rb"\r?\n%%\r?\n")


class MessageError(OnehttpError, ValueError):
    """A file that holds no SIP request; names the file and the line."""


@dataclass(frozen=True, slots=True)
class SipMessage:
    """A SIP request, and the address it came from."""

    method: str
    uri: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    source: tuple[str, int] = ("127.0.0.1", 5060)
    destination: tuple[str, int] = ("127.0.0.1", 5060)
    label: str = field(default="built-in", compare=False)
    received: bytes = field(default=b"", compare=False, repr=False)
    """The bytes it was read from, where its lines end in CR LF; else there were none on a wire."""

    def header(self, name: str) -> str | None:
        """The first header of that name, long or compact; None when absent."""
        wanted = _long(name)
        return next((value for known, value in self.headers if _long(known) == wanted), None)

    def variables(self) -> dict[str, Value]:
        """The pseudo-variables of this message."""
        values: dict[str, Value] = {
            "$rm": self.method,
            "$ru": self.uri,
            "$ci": self.header("call-id"),
            "$cs": (self.header("cseq") or "").partition(" ")[0] or None,
            "$ua": self.header("user-agent"),
            "$cT": self.header("content-type"),
            "$rb": self.body or None,
            "$si": self.source[0],
            "$sp": self.source[1],
            "$Ri": self.destination[0],
            "$Rp": self.destination[1],
            "$ml": len(str(self)),
            "$proto": "udp",
        }
        values |= _uri_parts("r", self.uri)
        for letter, name in (("f", "from"), ("t", "to")):
            address = self.header(name) or ""
            uri = _address_uri(address)
            values[f"${letter}u"] = uri or None
            values[f"${letter}t"] = _tag(address)
            values |= _uri_parts(letter, uri)
        values |= {f"$hdr({name})": value for name, value in reversed(self.headers)}
        return values

    def wire(self) -> bytes:
        """The message as bytes, untouched where it came as such."""
        return self.received or str(self).encode("utf-8", "surrogateescape")

    def __str__(self) -> str:
        head = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        return f"{self.method} {self.uri} SIP/2.0\r\n{head}\r\n{self.body}"


DEFAULT_MESSAGE: Final = SipMessage(
    method="INVITE",
    uri="sip:+4930123456@example.org",
    headers=(
        ("Via", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1"),
        ("From", "<sip:alice@example.org>;tag=a1"),
        ("To", "<sip:+4930123456@example.org>"),
        ("Call-ID", "built-in-1@192.0.2.10"),
        ("CSeq", "1 INVITE"),
        ("User-Agent", "onehttp run"),
        ("Content-Length", "0"),
    ),
    source=("192.0.2.10", 5060),
)


def read_messages(path: Path) -> Iterator[SipMessage]:
    """Every SIP request of a file, or of the ``*.sip`` files of a folder in the order of names.

    Lines may end in LF or CR LF. Several messages in one file stand apart by a line ``%%``.

    Raises:
        MessageError: unreadable, or not a SIP request.
    """
    if path.is_dir():
        files = sorted(path.glob("*.sip"))
        if not files:
            raise MessageError(f"{path}: a folder without *.sip files")
        for file in files:
            yield from read_messages(file)
        return
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MessageError(f"{path}: cannot be read: {error.strerror}") from None
    line = 1
    parts = _between_messages.split(data)
    for number, part in enumerate(parts, 1):
        label = path.name if len(parts) == 1 else f"{path.name}#{number}"
        one = part.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
        if one.strip():
            message = parse_message(one, f"{path}", line, label)
            yield dataclasses.replace(message, received=part if b"\r\n\r\n" in part else b"")
        line += one.count("\n") + SEPARATOR.count("\n")


def parse_message(text: str, file: str, line: int = 1, label: str = "") -> SipMessage:
    """One SIP request.

    Raises:
        MessageError: it is none; names ``file`` and the line, counted from ``line``.
    """
    stripped = text.lstrip("\n")
    line += len(text) - len(stripped)
    head, _, body = stripped.partition("\n\n")
    first, *rest = head.split("\n")
    match = _request_line(first.rstrip())
    if match is None:
        raise MessageError(
            f"{file}:{line}: expected a request line such as 'INVITE sip:bob@example.org SIP/2.0'"
        )
    headers: list[tuple[str, str]] = []
    for number, raw in enumerate(rest, line + 1):
        if raw[:1] in (" ", "\t") and headers:
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {raw.strip()}")
            continue
        name, colon, value = raw.partition(":")
        if not colon or not name.strip():
            raise MessageError(f"{file}:{number}: expected 'Name: value', got {raw[:30]!r}")
        headers.append((name.strip(), value.strip()))
    message = SipMessage(match[1], match[2], tuple(headers), body, label=label or file)
    via = re.search(r"SIP/2\.0/\w+\s+([^:;\s]+)(?::(\d+))?", message.header("via") or "")
    if via:
        source = (via[1], int(via[2] or 5060))
        return SipMessage(
            message.method, message.uri, message.headers, body, source, label=message.label
        )
    return message


def _long(name: str) -> str:
    lowered = name.lower()
    return _COMPACT.get(lowered, lowered)


def _address_uri(address: str) -> str:
    inside = re.search(r"<([^>]*)>", address)
    return inside[1] if inside else address.partition(";")[0].strip()


def _tag(address: str) -> str | None:
    match = re.search(r";\s*tag=([^;\s>]+)", address.rpartition(">")[2] or address)
    return match[1] if match else None


def _uri_parts(letter: str, uri: str) -> dict[str, Value]:
    match = _uri(uri)
    if match is None:
        return {f"${letter}U": None, f"${letter}d": None}
    scheme, user, host, port = match.groups()
    if scheme.lower() == "tel":
        user, host = host, ""
    parts: dict[str, Value] = {f"${letter}U": user, f"${letter}d": host or None}
    if letter == "r":
        parts["$rp"] = int(port) if port else 5060
    return parts
