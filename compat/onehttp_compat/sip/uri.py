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

# After a user, a host has letters, digits, dots and hyphens. Without one it may be any text, since
# the server takes it for a user until the text ends.
_BRACKETED: Final = r"\[[^\]@]*\]"
_with_user = re.compile(
    r"(?P<user>[^@:\[\]]+)(?::(?P<password>(?!\d{6})[^@:;?\[\]]*))?@"
    rf"(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*|{_BRACKETED})(?::(?P<port>\d{{0,5}}))?"
    r"(?:;(?P<params>[^?@]*))?(?:\?(?P<headers>[^;@]*))?",
    re.DOTALL,
).fullmatch
_without_user = re.compile(
    rf"(?P<host>[^@:\[\]][^@:;?\[\]]*|{_BRACKETED})"
    r"(?::(?P<port>\d{0,5}))?(?:;(?P<params>[^?@]*))?(?:\?(?P<headers>[^@]*))?",
    re.DOTALL,
).fullmatch
_scheme = re.compile(r"(sips?|tel):", re.IGNORECASE).match


@dataclass(frozen=True, slots=True)
class SipUri:
    """A URI. Parts that are missing are empty."""

    scheme: str
    user: str = ""
    """With its parameters, as in ``bob;day=tuesday``, unless it is a telephone number."""
    password: str = ""
    host: str = ""
    port: str = ""
    params: str = ""
    """Without the first semicolon."""
    headers: str = ""
    user_params: str = ""
    """Of a telephone number (``user=phone``), with the first semicolon."""

    def param(self, name: str) -> str | None:
        """Return a parameter, which may be empty. None if there is no such parameter."""
        return params_of(self.params).get(name.lower())

    @property
    def transport(self) -> str:
        """The transport in the URI, the last if it has several; empty if it has none."""
        found = ""
        for part in split_outside_quotes(self.params, ";"):
            name, _, value = part.partition("=")
            if name.strip().lower() == "transport":
                found = value
        return found

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
        who = self.user + self.user_params + (f":{self.password}" if self.password else "")
        is_number = not self.host and self.scheme == "tel"
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
        if not namespace or ":" in rest:
            return None
        return SipUri("urn", user=namespace if colon else "", host=rest if colon else namespace)
    scheme = _scheme(text)
    rest = text[scheme.end() :] if scheme else ""
    match = _with_user(rest) or _without_user(rest)
    if scheme is None or match is None:
        return None
    found = {name: part or "" for name, part in match.groupdict().items()}
    found["params"] = found["params"].removesuffix(";")
    uri = SipUri(scheme[1].lower(), **found)
    if uri.port and int(uri.port) > MAX_PORT:
        return None
    if ";" in uri.user and (uri.param("user") or "").lower() == "phone":
        number, semicolon, rest = uri.user.partition(";")
        return dataclasses.replace(uri, user=number, user_params=semicolon + rest)
    if uri.scheme == "tel":  # the number stands in the place of the host
        return dataclasses.replace(uri, user=uri.host, host="")
    return uri


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
