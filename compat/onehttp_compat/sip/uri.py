"""Parses SIP URIs as the server does: leniently, and without adding anything."""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re
from dataclasses import dataclass
from typing import Final

DEFAULT_PORT: Final = 5060
DEFAULT_TLS_PORT: Final = 5061
MAX_PORT: Final = 65535
TRANSPORTS: Final = ("udp", "tcp", "tls", "sctp", "ws", "wss")

_split = re.compile(
    r"(?P<scheme>sips?|tels?):"
    r"(?:(?P<user>[^@:<>\r\n]*)(?::(?P<password>[^@;<>\s]*))?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:;?@<>\[\]\s]*)(?::(?P<port>\d{0,5}))?"
    r"(?:;(?P<params>[^?<>\s]*))?(?:\?(?P<headers>[^<>\s]*))?",
    re.IGNORECASE,
).fullmatch


@dataclass(frozen=True, slots=True)
class SipUri:
    """A URI. Parts that are missing are empty."""

    scheme: str
    user: str = ""
    """With its parameters, as in ``+4930123;phone-context=example.org``."""
    password: str = ""
    host: str = ""
    port: str = ""
    params: str = ""
    """Without the first semicolon."""
    headers: str = ""

    def param(self, name: str) -> str | None:
        """Return a parameter, which may be empty. None if there is no such parameter."""
        return params_of(self.params).get(name.lower())

    @property
    def transport(self) -> str:
        """The transport in the URI; empty if it has none."""
        return self.param("transport") or ""

    @property
    def port_number(self) -> int:
        """The port in the URI, or the default of its scheme and transport."""
        if self.port:
            return int(self.port)
        is_tls = self.scheme == "sips" or self.transport.lower() == "tls"
        return DEFAULT_TLS_PORT if is_tls else DEFAULT_PORT

    @property
    def port_asked(self) -> int:
        """The port with which the server decides whether a URI is its own; 0 (any port) if the URI
        has none."""
        is_any = not self.port and self.transport.lower() in ("", "udp")
        return 0 if is_any else self.port_number

    def __str__(self) -> str:
        who = self.user + (f":{self.password}" if self.password else "")
        is_number = not self.host and self.scheme in ("tel", "tels")
        return (
            f"{self.scheme}:{who}{'@' if who and not is_number else ''}{self.host}"
            f"{':' + self.port if self.port else ''}{';' + self.params if self.params else ''}"
            f"{'?' + self.headers if self.headers else ''}"
        )


@functools.lru_cache(maxsize=1024)
def parse_uri(text: str) -> SipUri | None:
    """Parse a URI. None if the server's parser would refuse it."""
    if text[:4].lower() == "urn:":
        namespace, colon, rest = text[4:].partition(":")
        return SipUri("urn", user=namespace, host=rest) if colon else None
    match = _split(text)
    if match is None:
        return None
    found = {name: part or "" for name, part in match.groupdict().items()}
    found["scheme"] = found["scheme"].lower()
    uri = SipUri(**found)
    if uri.port and int(uri.port) > MAX_PORT:
        return None
    if uri.scheme in ("tel", "tels"):
        if match["user"] is None:  # a number without a user stands in the place of the host
            return dataclasses.replace(uri, user=uri.host, host="")
        return uri
    return uri if uri.host else None


def bracketed(host: str) -> str:
    """A host as URIs contain it: IPv6 addresses get brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def address_version(host: str) -> int:
    """4 or 6 for an address, 0 for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]")).version
    except ValueError:
        return 0


def params_of(text: str) -> dict[str, str]:
    """Parse ``a=1;b`` into values by lower-case name. Quotes around values are removed."""
    params: dict[str, str] = {}
    for part in split_outside_quotes(text, ";"):
        name, _, value = part.partition("=")
        if name.strip():
            params.setdefault(name.strip().lower(), unquoted(value.strip()))
    return params


def unquoted(text: str) -> str:
    """Remove surrounding quotation marks."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split at separators outside of quotes and angle brackets."""
    if separator not in text:
        return [text]
    parts, start, is_quoted, depth, i = [], 0, False, 0, 0
    while i < len(text):
        char = text[i]
        if is_quoted:
            if char == "\\":
                i += 1
            elif char == '"':
                is_quoted = False
        elif char == '"':
            is_quoted = True
        elif char == "<":
            depth += 1
        elif char == ">":
            depth -= 1
        elif char == separator and depth <= 0:
            parts.append(text[start:i])
            start = i + 1
        i += 1
    return [*parts, text[start:]]
