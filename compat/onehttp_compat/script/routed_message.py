"""A message as a script works on it: what was received, and what the script has changed since.

Headers that a script adds or removes are kept apart, as the server keeps them: the script goes on
reading what was received until it says ``msg_apply_changes``, and the change shows on the wire.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field

from onehttp_compat.sip.message import SipMessage, canonical
from onehttp_compat.sip.uri import SipUri, parse_uri

_line = re.compile(rb"[^\n]*\n|[^\n]+")
FIRST, LAST = -1, 1 << 30
"""Places of added headers: before all received ones, and behind them."""


@dataclass(slots=True)
class Branch:
    """A further target of the request (``append_branch``)."""

    uri: str
    dst_uri: str = ""
    path: str = ""
    q: int = -1
    """Thousandths; -1 where it is not said."""
    flags: int = 0
    ruid: str = ""
    instance: str = ""
    connection: int = 0
    """The number of the outbound connection that it came over."""


@dataclass(slots=True)
class RoutedMessage:
    """One message in the hands of a script."""

    sip: SipMessage
    new_uri: str | None = None
    dst_uri: str | None = None
    q: int = -1
    """Of the request URI, in thousandths; -1 where it is not said."""
    path: str = ""
    """Routes that are to be put before the others (``set_path_vector``)."""
    flags: int = 0
    branch_flags: int = 0
    extended_flags: dict[int, int] = field(default_factory=dict)
    branches: list[Branch] = field(default_factory=list)
    send_socket: str = ""
    has_rport: bool = False
    added: list[tuple[int, str]] = field(default_factory=list)
    """(place, line) of each added header; a place is the index of the received one before which
    the line goes."""
    removed: set[int] = field(default_factory=set)
    """Indices of the received headers that do not go out."""
    replaced: dict[int, str] = field(default_factory=dict)
    """Texts that received headers go out with."""
    body: bytes | None = None
    """None: as received."""
    for_replies: list[str] = field(default_factory=list)
    record_routes: list[str] = field(default_factory=list)
    waiting_contacts: list[Branch] = field(default_factory=list)
    """Targets that `t_load_contacts` has put aside, the most wanted first."""
    iterators: dict[str, int] = field(default_factory=dict)
    """Where named iterators over its headers stand."""
    line_iterators: dict[str, int] = field(default_factory=dict)
    """Where named iterators over the lines of its body stand."""
    changed_lines: dict[int, bytes] = field(default_factory=dict)
    """What has come in the place of lines of the body, by their number."""
    route_params_received: str | None = None
    """Parameters of our own Route header, as `loose_route` found them."""
    route_params: str = ""
    """What ``add_rr_param`` has given."""

    # ---- the request line

    @property
    def uri(self) -> str:
        """The request URI as it goes out."""
        return self.sip.uri if self.new_uri is None else self.new_uri

    @property
    def parsed_uri(self) -> SipUri | None:
        return parse_uri(self.uri)

    def rewrite(self, **parts: str) -> bool:
        """Change parts of the request URI, whatever comes of it; False where it is none."""
        uri = self.parsed_uri
        if uri is None:
            return False
        self.new_uri = str(dataclasses.replace(uri, **parts))
        return True

    @property
    def next_hop(self) -> str:
        """Where the request goes: the destination, or else the request URI."""
        return self.dst_uri or self.uri

    # ---- its body

    @property
    def body_lines(self) -> list[bytes]:
        """As received, with their ends."""
        return _line.findall(self.sip.body)

    def line_at(self, name: str) -> bytes | None:
        """Where a named iterator stands; None: before the first line, or nowhere."""
        place, lines = self.line_iterators.get(name, -1), self.body_lines
        return lines[place] if 0 <= place < len(lines) else None

    def line_value(self, name: str) -> bytes | None:
        """What a script is told of that line; without an end it has the NUL behind the body."""
        line = self.line_at(name)
        return line if line is None or line.endswith(b"\n") else line + b"\0"

    # ---- its headers

    def indices(self, name: str) -> list[int]:
        """Which of the received headers have that name."""
        wanted = canonical(name)
        headers = self.sip.headers
        return [i for i, (known, _) in enumerate(headers) if canonical(known) == wanted]

    def add(self, line: str, place: int = LAST) -> None:
        """Have a header go out; ``line`` may hold several."""
        self.added.append((place, line))

    def remove(self, indices: list[int]) -> int:
        """Have received headers not go out; how many of them would have."""
        fresh = set(indices) - self.removed
        self.removed |= fresh
        return len(fresh)

    def outgoing_headers(self) -> list[tuple[str, str]]:
        """The headers as they go out."""
        out: list[tuple[str, str]] = []
        waiting = sorted(self.added, key=lambda one: one[0])
        received = [*enumerate(self.sip.headers), (LAST, None)]
        for index, header in received:
            while waiting and waiting[0][0] <= index:
                out += split_lines(waiting.pop(0)[1])
            if header is not None and index not in self.removed:
                out.append((header[0], self.replaced.get(index, header[1])))
        return out

    def applied(self) -> SipMessage:
        """The message with all changes made, as if it had been received so."""
        body = self.sip.body if self.body is None else self.body
        headers = self.outgoing_headers()
        if self.body is not None:
            headers = [
                (name, str(len(body)) if canonical(name) == "content-length" else text)
                for name, text in headers
            ]
        changed = dataclasses.replace(
            self.sip, uri=self.uri, headers=tuple(headers), body=body, received=b""
        )
        return dataclasses.replace(changed, received=changed.wire())

    def apply(self) -> None:
        """``msg_apply_changes``: what has been changed is what has been received."""
        self.sip = self.applied()
        self.new_uri = self.body = None
        self.added, self.removed, self.replaced, self.changed_lines = [], set(), {}, {}


def split_lines(lines: str) -> list[tuple[str, str]]:
    """Header lines as names and texts; what is no header keeps its text under no name."""
    found = []
    for line in lines.replace("\r\n", "\n").strip("\n").split("\n"):
        name, colon, text = line.partition(":")
        found.append((name.strip(), text.strip()) if colon else ("", line))
    return found
