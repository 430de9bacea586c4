"""A message while a script works on it: the received message, and the changes of the script.

Headers that a script adds or removes are kept apart, as in the server. The script reads the
received headers until it calls ``msg_apply_changes``; the message that is sent has the changes.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from onehttp_compat.sip.message import SipMessage, canonical, parse_again
from onehttp_compat.sip.uri import SipUri, parse_uri

_line = re.compile(rb"[^\n]*\n|[^\n]+")
FIRST, LAST = -1, 1 << 30
"""Positions of added headers: before all received ones, and after them."""


@dataclass(slots=True)
class Branch:
    """A further target of the request (``append_branch``)."""

    uri: str
    dst_uri: str = ""
    path: str = ""
    q: int = -1
    """In thousandths; -1 if it was not given."""
    flags: int = 0
    ruid: str = ""
    instance: str = ""
    connection: int = 0
    """The number of the outbound connection of this target."""


class Edit(NamedTuple):
    """A change of a part of a body."""

    start: int
    end: int
    text: bytes


def edited(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Apply edits. Each is of ``data`` as it is: what two of them remove is removed once, and what
    they insert is there from both."""
    parts, place = [], 0
    for edit in sorted(edits, key=lambda one: one.start):
        parts += [data[place : edit.start], edit.text]
        place = max(place, edit.end)
    return b"".join([*parts, data[place:]])


@dataclass(slots=True)
class RoutedMessage:
    """A message while a script works on it."""

    sip: SipMessage
    new_uri: str | None = None
    dst_uri: str | None = None
    has_new_target: bool = True
    """It was not sent to its request URI yet. In a failure route it was, until the script writes
    one."""
    q: int = -1
    """The priority of the request URI, in thousandths; -1 if it was not given."""
    path: str = ""
    """The routes to put before the others (``set_path_vector``)."""
    flags: int = 0
    branch_flags: int = 0
    extended_flags: dict[int, int] = field(default_factory=dict)
    branches: list[Branch] = field(default_factory=list)
    send_socket: str = ""
    added: list[tuple[int, str]] = field(default_factory=list)
    """(position, line) of each added header. The position is the index of the received header
    before which the line is inserted."""
    removed: set[int] = field(default_factory=set)
    """The indices of the received headers that are not sent."""
    replaced: dict[int, str] = field(default_factory=dict)
    """New texts of received headers, by index."""
    body: bytes | None = None
    """None: the body as it was received."""
    body_edits: tuple[Edit, ...] = ()
    """The edits that `body` is the result of, all of them of the received body."""
    edited_body: bytes | None = None
    """That result. Another `body` was written as a whole since then."""
    has_new_contact: bool = False
    """The URI of the Contact was replaced."""
    for_replies: list[str] = field(default_factory=list)
    has_reply_body: bool = False
    record_routes: list[str] = field(default_factory=list)
    waiting_contacts: list[Branch] = field(default_factory=list)
    """Targets that `t_load_contacts` has stored, those with the highest priority first."""
    iterators: dict[str, int] = field(default_factory=dict)
    """The positions of named iterators over its headers."""
    line_iterators: dict[str, int] = field(default_factory=dict)
    """The positions of named iterators over the lines of its body."""
    changed_lines: dict[int, bytes] = field(default_factory=dict)
    """New contents of lines of the body, by line number."""
    route_params_received: str | None = None
    """The parameters of our own Route header, as `loose_route` has found them."""

    # ---- the request line

    @property
    def uri(self) -> str:
        """The request URI that is sent."""
        return self.sip.uri if self.new_uri is None else self.new_uri

    @property
    def parsed_uri(self) -> SipUri | None:
        return parse_uri(self.uri)

    def set_uri(self, uri: str) -> None:
        """Replace the request URI. It is a new target, even if it is the same."""
        self.new_uri, self.has_new_target = uri, True

    def rewrite(self, **parts: str) -> bool:
        """Change parts of the request URI, even to an invalid one. False if it is no URI, or has no
        such part. With a host, the URI of a telephone number becomes a SIP URI."""
        uri = self.parsed_uri
        if uri is None or (uri.scheme == "tel" and "port" in parts and "host" not in parts):
            return False
        if uri.scheme == "tel" and "host" in parts:
            params = uri.params and f";{uri.params}"
            uri = SipUri("sip", uri.user, params="user=phone", user_params=params)
        if parts.get("user") == "":
            parts |= {"password": "", "user_params": ""}
        self.set_uri(str(dataclasses.replace(uri, **parts)))
        return True

    @property
    def next_hop(self) -> str:
        """Where the request is sent: to the destination if it is set, or else to the request
        URI."""
        return self.dst_uri or self.uri

    # ---- its body

    @property
    def body_to_edit(self) -> bytes:
        """The body that functions search in: the received one, as long as it was only edited."""
        is_edited = self.body is None or self.body is self.edited_body
        return self.sip.body if is_edited else self.body or b""

    def edit_body(self, edits: list[Edit]) -> None:
        """Edit the body that is sent, at places of `body_to_edit`."""
        if self.body is not None and self.body is not self.edited_body:
            self.body = edited(self.body, edits)
        elif edits:
            before = self.body_edits if self.body is not None else ()
            self.body_edits = (*before, *edits)
            self.body = self.edited_body = edited(self.sip.body, self.body_edits)

    @property
    def body_lines(self) -> list[bytes]:
        """The lines of the received body, with their line ends."""
        return _line.findall(self.sip.body)

    def line_at(self, name: str) -> bytes | None:
        """The position of a named iterator; None if it is before the first line or does not
        exist."""
        place, lines = self.line_iterators.get(name, -1), self.body_lines
        return lines[place] if 0 <= place < len(lines) else None

    def line_value(self, name: str) -> bytes | None:
        """The text of that line for a script. A line without an end is followed by the NUL behind
        the body."""
        line = self.line_at(name)
        return line if line is None or line.endswith(b"\n") else line + b"\0"

    # ---- its headers

    def indices(self, name: str) -> list[int]:
        """The indices of the received headers with that name."""
        wanted = canonical(name.partition(":")[0].rstrip())
        headers = self.sip.headers
        return [i for i, (known, _) in enumerate(headers) if canonical(known) == wanted]

    def add(self, line: str, place: int = LAST) -> None:
        """Add a header to the message that is sent; ``line`` may contain several."""
        self.added.append((place, line))

    def remove(self, indices: list[int]) -> int:
        """Remove received headers from the message that is sent. Returns how many were not yet
        removed."""
        fresh = set(indices) - self.removed
        self.removed |= fresh
        return len(fresh)

    def wire(self) -> bytes:
        """The message with all changes, as bytes. Added text goes in as it is, even if it is no
        line."""
        (first, *headers), rest = self.sip.lines()
        is_changed = self.new_uri is not None and self.sip.is_request
        start = f"{self.sip.method} {self.uri} {self.sip.version}\r\n" if is_changed else None
        parts = [first if start is None else _encoded(start)]
        waiting = sorted(self.added, key=lambda one: one[0])
        for index, line in enumerate(headers):
            while waiting and waiting[0][0] <= index:
                parts.append(_encoded(waiting.pop(0)[1]))
            if index not in self.removed:
                parts.append(self._line(index, line))
        parts += [_encoded(text) for _, text in waiting]
        if self.body is None or self.sip.is_broken:
            return b"".join([*parts, rest])
        return b"".join([*parts, b"\r\n", self.body])

    def _line(self, index: int, received: bytes) -> bytes:
        """The line of a received header as it is sent."""
        name, _ = self.sip.headers[index]
        text = self.replaced.get(index)
        if self.body is not None and canonical(name) == "content-length":
            text = str(len(self.body))
        return received if text is None else _encoded(f"{name}: {text}\r\n")

    def applied(self) -> SipMessage:
        """Return the message with all changes applied, as if it had been received like that."""
        return parse_again(self.wire(), self.sip)

    def apply(self) -> bool:
        """``msg_apply_changes``: from now on the changed message is the received one. False if the
        server cannot parse that."""
        self.use(self.applied())
        return not self.sip.refusal

    def use(self, message: SipMessage) -> None:
        """Put another message in the place of the received one, without any changes."""
        self.sip = message
        self.new_uri = self.body = None
        self.has_new_contact = False
        self.added, self.removed, self.replaced, self.changed_lines = [], set(), {}, {}


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
