"""The heads of an HTTP/1 answer, read as libcurl reads them, before the library below sees them.

That one is stricter in places and laxer in others, and has one error for all of it. So a head is
held back until it is whole: what libcurl refuses is refused here, with its code, and what only
the library would refuse is left out of what it is given. `lines` keeps all of it.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from onehttp_backends.double.judging.ends import BodyEnd
from onehttp_backends.errors import CurlCode, Phase, Sent, answer_error

MAX_LINE_BYTES: Final = 100 * 1024
MAX_FIELDS: Final = 5000
_PREFIX: Final = b"HTTP/"
_MAX_LENGTH: Final = 2**63 - 1
_CODINGS: Final = frozenset({b"chunked", b"identity"})
_later_version = re.compile(rb"HTTP/[23] ").match
_status = re.compile(rb"HTTP/1\.\d (\d{3})(?!\d)").match
_name = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
SWITCHING: Final = 101
BODILESS: Final = (204, 304)


class Heads:
    """Of one answer: those of interim responses, and the one that counts.

    Args:
        place: what errors begin with.
        method: what it answers.
    """

    def __init__(self, place: str, method: str = "GET") -> None:
        self._place = place
        self._method = method
        self._begin()
        self.lines: list[bytes] = []
        self._pending = b""
        self._body: BodyEnd | None = None

    @property
    def has_more(self) -> bool:
        """Something has come after the end of the answer."""
        return self._body is not None and self._body.has_more

    def _begin(self) -> None:
        """Another head."""
        self._status = 0
        self._passed: list[bytes] = []
        self._lengths: set[bytes] = set()
        self._locations: set[bytes] = set()
        self._has_codings = False
        self._fields = 0

    def take(self, data: bytes) -> bytes | None:
        """What may go on of what has come: of the answer; None: its head is not whole yet.

        Raises:
            TransferError: libcurl would end here.
        """
        if self._body is not None:
            return self._body.take(data)
        self._pending += data
        passed = b""
        while self._body is None:
            line, newline, rest = self._pending.partition(b"\n")
            self._check_begun(line)
            if not newline:
                return passed or None
            self._pending = rest
            self._take_line(line.removesuffix(b"\r"), line + newline)
            if not line.strip(b"\r"):
                passed += b"".join(self._passed)
                self._end()
        return passed + self._body.take(self.left())

    def left(self) -> bytes:
        """What was held back and is no whole head, where no more will come."""
        held = b"" if self._body is not None else b"".join(self._passed)
        pending, self._pending, self._passed = self._pending, b"", []
        return held + pending

    def _check_begun(self, line: bytes) -> None:
        if not self._status and not line.startswith(_PREFIX[: len(line)]):
            is_blank = line == b"\r"
            self._refuse(CurlCode.UNSUPPORTED_PROTOCOL, "not HTTP", is_begun=is_blank)
        if len(line) > MAX_LINE_BYTES:
            self._refuse(CurlCode.TOO_LARGE, f"a header of more than {MAX_LINE_BYTES} bytes")

    def _take_line(self, line: bytes, raw: bytes) -> None:
        if not self._status:
            self._take_status(line)
        elif line:
            is_plain = self._take_field(line)
            if line[:1] in b" \t" and self._fields > 1:
                self.lines[-1] = self.lines[-1].rstrip(b"\r\n") + b" " + raw.lstrip(b" \t")
            else:
                self.lines.append(raw)
            if is_plain:
                self._passed.append(raw)
            return
        elif self._status == SWITCHING:
            self._refuse(CurlCode.GOT_NOTHING, "another protocol, which was not asked for")
        self.lines.append(raw)
        self._passed.append(raw)

    def _take_status(self, line: bytes) -> None:
        if b"\0" in line or _later_version(line):
            self._refuse(CurlCode.WEIRD_SERVER_REPLY, "no status line of HTTP/1", is_begun=False)
        if not line:
            self._refuse(CurlCode.UNSUPPORTED_PROTOCOL, "not HTTP")
        found = _status(line)
        self._status = int(found[1]) if found else -1

    def _take_field(self, line: bytes) -> bool:
        """Whether the library below takes this field as it is."""
        self._fields += 1
        if self._fields > MAX_FIELDS:
            self._refuse(CurlCode.TOO_LARGE, f"more than {MAX_FIELDS} headers")
        if b"\0" in line or b"\r" in line:
            self._refuse(CurlCode.WEIRD_SERVER_REPLY, "a header with a NUL or CR in it")
        if line[:1] in b" \t":
            return self._fields > 1
        name, colon, value = line.partition(b":")
        if not colon:
            self._refuse(CurlCode.WEIRD_SERVER_REPLY, "a header without a colon")
        name, value = name.strip().lower(), value.strip(b" \t")
        if name == b"content-length":
            self._check_length(value)
        elif name == b"location" and self._status // 100 == 3:
            self._locations.add(value)
            if len(self._locations) > 1:
                self._refuse(CurlCode.WEIRD_SERVER_REPLY, "more than one Location")
            return False  # httpx fails on one that it cannot read, though it is not to follow it
        elif name == b"transfer-encoding":
            return self._is_chunked(value)
        return _name(line.partition(b":")[0]) is not None

    def _check_length(self, value: bytes) -> None:
        self._lengths.add(value)
        lengths = [length.strip() for length in value.split(b",")]
        if len(self._lengths) > 1 or not all(length.isdigit() for length in lengths):
            self._refuse(CurlCode.WEIRD_SERVER_REPLY, "no Content-Length, or more than one")
        if int(lengths[0][:MAX_DIGITS]) > _MAX_LENGTH:
            self._refuse(CurlCode.FILESIZE_EXCEEDED, "a Content-Length that nothing has")

    def _is_chunked(self, value: bytes) -> bool:
        """Whether a field says, first of all, that the body is in chunks and no more."""
        codings = [coding.strip().lower() for coding in value.split(b",")]
        if not _CODINGS.issuperset(codings):
            self._refuse(CurlCode.BAD_CONTENT_ENCODING, "a transfer coding that is not known")
        is_first = codings == [b"chunked"] and not self._has_codings
        self._has_codings = self._has_codings or is_first
        return is_first

    def _end(self) -> None:
        if 100 <= self._status < 200:
            self._begin()
        elif self._method == "HEAD" or self._status in BODILESS:
            self._body = BodyEnd(0)
        else:
            length = next(iter(self._lengths), b"").partition(b",")[0]
            self._body = BodyEnd(int(length) if length else None, self._has_codings)

    def _refuse(self, code: int, text: str, is_begun: bool = True) -> NoReturn:
        sent = Sent.YES if is_begun else Sent.MAYBE
        phase = Phase.BODY if is_begun else Phase.FIRST_BYTE
        raise answer_error(code, f"{self._place}: {text}", sent=sent, phase=phase)


MAX_DIGITS: Final = 30
