"""A session description (RFC 4566) as ``sdpops`` parses it, and the removal of lines from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from onehttp_compat.sip.message import SipMessage

# Payload types that need no ``a=rtpmap`` (RFC 3551), as far as the server knows them.
STATIC: Final[dict[str, tuple[str, ...]]] = {
    "pcmu": ("0",), "gsm": ("3",), "g723": ("4",), "dvi4": ("5", "6", "16", "17"), "lpc": ("7",),
    "pcma": ("8",), "g722": ("9",), "l16": ("10", "11"), "qcelp": ("12",), "cn": ("13",),
    "mpa": ("14",), "g728": ("15",), "g729": ("18",),
}  # fmt: skip

_boundary = re.compile(r'boundary\s*=\s*(?:"([^"]*)"|([^\s;]+))', re.I)
_part_head = re.compile(rb"(?:[^\r\n]+\r?\n)*\r?\n")
_rtpmap = re.compile(rb"a=rtpmap:(\d+)[ \t]+([^/\s]+)", re.I)
_begins = re.compile(rb"[\r\n]*v=")
_origin = re.compile(rb"o=\S+(?: +\S+){2} +\S+ +IP[46] +\S", re.I)
_connection = re.compile(rb"c=\S+ +IP[46] +\S", re.I)
_port = re.compile(r"[+-]?\d+")
_of_payload = re.compile(rb"a=(?:rtpmap|fmtp|rtcp-fb):(\S+)", re.I)


@dataclass(slots=True)
class MediaStream:
    """An ``m=`` line and the lines below it."""

    start: int
    """The index of its first line in the description."""
    lines: list[bytes]

    @property
    def words(self) -> list[str]:
        """The words of ``audio 4000 RTP/AVP 0 8``."""
        return self.lines[0][2:].decode("latin-1").split()

    @property
    def media(self) -> str:
        return next(iter(self.words), "")

    @property
    def transport(self) -> str:
        return next(iter(self.words[2:]), "")

    @property
    def payloads(self) -> list[str]:
        return self.words[3:]

    def has(self, payload: str) -> bool:
        """Whether it has a payload type, or several in a row."""
        return payload != "" and f" {payload} " in f" {' '.join(self.payloads)} "

    @property
    def is_active(self) -> bool:
        """Whether it has a port, and is not marked as inactive."""
        port = _port.match(self.words[1])
        is_closed = port is None or not int(port[0])
        return not is_closed and not any(
            line.startswith(b"a=") and line[2:10].lower() == b"inactive" for line in self.lines
        )

    def is_of(self, media: str) -> bool:
        """Whether it is of one of these media; of any if none are given."""
        return not media or self.media.lower() == media.lower()


class Session:
    """The description in the body of a message. Text around it is not changed."""

    def __init__(self, text: bytes, before: bytes = b"", behind: bytes = b"") -> None:
        self.text = text
        self._around = before, behind
        self.lines = text.splitlines(keepends=True)
        starts = [i for i, line in enumerate(self.lines) if line.startswith(b"m=")]
        ends = [*starts[1:], len(self.lines)]
        self.streams = [MediaStream(a, self.lines[a:b]) for a, b in zip(starts, ends, strict=False)]

    @property
    def is_read(self) -> bool:
        """Whether the server accepts it: it needs a version, then an origin, then an address for
        each stream (its own or the common one), and a port and a transport."""
        if not self.streams or not _begins.match(self.text):
            return False
        head = self.lines[: self.streams[0].start]
        origin = next((i for i, line in enumerate(head) if line.startswith(b"o=")), None)
        if origin is None or not _origin.match(head[origin]):
            return False
        shared = _address(head[origin:])
        of_streams = [_address(stream.lines) for stream in self.streams]
        is_somewhere = shared is not False and all(
            shared if own is None else own for own in of_streams
        )
        return is_somewhere and all(len(stream.words) > 2 for stream in self.streams)

    def payloads_of(self, names: str) -> list[str]:
        """The payload types of codecs. Unknown codecs are left out."""
        found: list[str] = []
        mapped = [(one[2].decode("latin-1").lower(), one[1].decode()) for line in self.lines
                  if (one := _rtpmap.match(line))]  # fmt: skip
        for name in names.split(","):
            codec = name.strip().lower()
            known = STATIC.get(codec) or [number for said, number in mapped if said == codec]
            found += known
        return found

    def without(self, is_out: Callable[[int, bytes], bool]) -> bytes:
        """Return the body without some lines, which are given by number and text."""
        return self._body([one for i, one in enumerate(self.lines) if not is_out(i, one)])

    def with_payloads(self, media: str, payloads: list[str], *, is_keeping: bool) -> bytes:
        """Return the body with only these payload types, or without them, and the same for their
        attributes; in the streams of ``media``, or in all."""
        lines: list[bytes] = list(self.lines[: self.streams[0].start])
        for stream in self.streams:
            is_meant = stream.is_of(media)
            lines += _reduced(stream, payloads, is_keeping) if is_meant else stream.lines
        return self._body(lines)

    def _body(self, lines: list[bytes]) -> bytes:
        before, behind = self._around
        return before + b"".join(lines) + behind


def _address(lines: list[bytes]) -> bool | None:
    """Whether the first ``c=`` in these lines has an address; None if there is none."""
    said = next((line for line in lines if line.startswith(b"c=")), None)
    return None if said is None else _connection.match(said) is not None


def _reduced(stream: MediaStream, payloads: list[str], is_keeping: bool) -> Iterator[bytes]:
    words = stream.words
    rest = f" {' '.join(words[3:])} "
    gone = [one for one in words[3:] if one not in payloads] if is_keeping else payloads
    for one in dict.fromkeys(gone):  # a duplicate is removed once, as in the server
        rest = rest.replace(f" {one} ", " ", 1)
    kept = [*words[:3], *rest.split()]
    end = stream.lines[0][len(stream.lines[0].rstrip(b"\r\n")) :]
    yield b"m=" + " ".join(kept).encode("latin-1") + end
    for line in stream.lines[1:]:
        about = _of_payload.match(line)
        if not about or (about[1].decode("latin-1") in payloads) is is_keeping:
            yield line


def session_of(sip: SipMessage, body: bytes) -> Session | None:
    """Return the description in a body, or in one of its parts. None if there is none."""
    kind = sip.header("content-type") or ""
    if not body or sip.is_broken:
        return None
    plain = kind.partition(";")[0].strip().lower()
    if plain == "application/sdp":
        found = Session(body)
    elif plain == "multipart/mixed":
        part = _part(kind, body)
        if part is None:
            return None
        start, end = part
        if start == end:  # no part is one: the server treats it as an empty description
            return Session(b"", body)
        found = Session(body[start:end], body[:start], body[end:])
    else:
        return None
    return found if found.is_read else None


def _part(kind: str, body: bytes) -> tuple[int, int] | None:
    """Return the start and the end of the part that is a session description. It includes the line
    end before the next boundary, as in the server. The range is empty, at the end of the body, if
    no part is a description. None if there are no parts, or if text follows the last boundary."""
    said = _boundary.search(kind)
    if said is None:
        return None
    mark = re.escape(b"--" + (said[1] or said[2]).encode("latin-1", "replace"))
    marks = list(re.finditer(rb"(?m)^" + mark + rb"(?P<close>--)?[ \t]*(?:\r?\n|$)", body))
    if not marks:
        return None
    last = marks[-1]
    if last["close"] and body[last.end() :].strip():
        return None
    ends = [*(one.start() for one in marks[1:]), len(body)]
    for this, end in zip(marks, ends, strict=True):
        if body[this.end() : this.end() + 1] in (b" ", b"\t"):
            return None  # a folded header line without a header before it
        head = _part_head.match(body, this.end())
        if head and re.search(rb"(?im)^(?:content-type|c)\s*:\s*application/sdp\b", head[0]):
            return head.end(), end
    return len(body), len(body)
