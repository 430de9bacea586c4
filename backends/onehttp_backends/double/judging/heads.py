"""The heads of an HTTP/1 answer, read as libcurl reads them, before the library below sees them.

That one is stricter in places and laxer in others, and has one error for all of it. So a head is
held back until it is whole: what libcurl refuses is refused here, with its code, and what only
the library would refuse is left out of what it is given, as is what it would read in another way:
it is told in one way how long the body is. `lines` keeps all of it.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from onehttp_backends.double.judging.chunks import Chunks
from onehttp_backends.double.judging.ends import BodyEnd
from onehttp_backends.errors import CurlCode, Phase, Sent, answer_error
from onehttp_backends.headers import whole_number

MAX_LINE_BYTES: Final = 100 * 1024
MAX_FIELDS: Final = 5000
MAX_HEAD_BYTES: Final = 300 * 1024
"""libcurl's limit for all heads of one answer together, interim ones and trailers included."""
_PREFIX: Final = b"HTTP/"
MAX_LENGTH: Final = 2**63 - 1
_later_version = re.compile(rb"HTTP/[23][ \t]\d{3}[ \t]").match
_as_far_as_libcurl_looks = re.compile(rb"HTTP/1\.[01][ \t]\d{3}").match
_status = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d)(?!\d)").match
_name = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
LOWEST_FINAL: Final = 200
SWITCHING: Final = 101
BODILESS: Final = (204, 304)


class Heads:
    """Of one answer: those of interim responses, the one that counts, and what trails its chunks.

    Args:
        place: what errors begin with.
        method: what it answers.
        most_bytes: a body that is announced to be larger is refused; 0: none is.
        wanted: how much of it is read, if that is not all.
        is_reused: an answer has come over the connection before.
    """

    def __init__(
        self,
        place: str,
        method: str = "GET",
        most_bytes: int = 0,
        wanted: int = 0,
        is_reused: bool = False,
    ) -> None:
        self._place = place
        self._method = method
        self._most_bytes = most_bytes or MAX_LENGTH
        self._wanted = wanted
        self._is_reused = is_reused
        self._begin()
        self.lines: list[bytes] = []
        self._pending = b""
        self._body: BodyEnd | Chunks | None = None
        self.is_begun = False
        """There is a status line."""

    @property
    def has_more(self) -> bool:
        """Something has come after the end of the answer."""
        return self._body is not None and self._body.has_more

    def _begin(self) -> None:
        """Another head."""
        self._status = 0
        self._passed: list[bytes] = []
        self._field = b""
        self._lengths: set[int | None] = set()
        self._locations: set[bytes] = set()
        self._has_codings = self._is_chunked = False
        self._fields = 0

    def take(self, data: bytes) -> bytes | None:
        """What may go on of what has come: of the answer; None: there is nothing yet.

        Raises:
            TransferError: libcurl would end here.
        """
        if self._body is not None:
            return self._of_body(data)
        self._pending += data
        passed = b""
        while self._body is None:
            line, newline, rest = self._pending.partition(b"\n")
            self._check_begun(line)
            if not newline:
                return passed or None
            self._pending = rest
            if not self._status:
                self._take_status(line.removesuffix(b"\r"), line + newline)
            elif line in (b"", b"\r"):
                self._end_field()
                self.lines.append(line + newline)
                passed += self._end()
            else:
                self._take_line(line, line + newline)
        return passed + self._body.take(self.left())

    def _of_body(self, data: bytes) -> bytes | None:
        assert self._body is not None
        passed = self._body.take(data)
        return passed if passed or self._body.is_over else None

    def left(self) -> bytes:
        """Bytes that were held back and are no complete head, after the end."""
        held = b"" if self._body is not None else b"".join(self._passed) + self._field
        pending, self._pending, self._passed, self._field = self._pending, b"", [], b""
        return held + pending

    def _check_begun(self, line: bytes) -> None:
        if not self._status and not line.startswith(_PREFIX[: len(line)]):
            self._refuse_other(line)
        if len(line) > MAX_LINE_BYTES:
            self._refuse(CurlCode.TOO_LARGE, f"a header of more than {MAX_LINE_BYTES} bytes")

    def _take_status(self, line: bytes, raw: bytes) -> None:
        if not line.startswith(_PREFIX):
            self._refuse_other(line)
        is_split = _as_far_as_libcurl_looks(line) and (b"\0" in line or b"\r" in line)
        if is_split or _later_version(line):
            self._refuse(CurlCode.WEIRD_SERVER_REPLY, "no status line of HTTP/1")
        found = _status(line)
        if found is None:
            self._refuse(CurlCode.UNSUPPORTED_PROTOCOL, "no status line of HTTP/1")
        self._status = int(found[1])
        self.is_begun = True
        self.lines.append(raw)
        self._passed.append(found[0] + b" \r\n")

    def _refuse_other(self, line: bytes) -> NoReturn:
        speaks_http = self._is_reused or self.is_begun
        is_blank_or_alike = line[:1] in (b"", b"\r") or line.upper().startswith(_PREFIX)
        is_weird = speaks_http and not is_blank_or_alike
        code = CurlCode.WEIRD_SERVER_REPLY if is_weird else CurlCode.UNSUPPORTED_PROTOCOL
        self._refuse(code, "not HTTP")

    def _take_line(self, line: bytes, raw: bytes) -> None:
        """A field begins, or what goes on in the line before does."""
        if line[:1] == b"\r":
            self._refuse(CurlCode.GOT_NOTHING, "a CR within a head")
        if line[:1] in b" \t" and self._field:
            self._field = self._field.rstrip() + b" " + raw.lstrip(b" \t")
            if len(self._field) > MAX_LINE_BYTES:
                self._refuse(CurlCode.TOO_LARGE, f"a header of more than {MAX_LINE_BYTES} bytes")
            return
        self._end_field()
        self._field = raw

    def _end_field(self) -> None:
        """The one that was begun is whole, whatever lines it was folded into."""
        field, self._field = self._field, b""
        if not field:
            return
        if self._take_field(field.removesuffix(b"\n").removesuffix(b"\r")):
            self._passed.append(field)
        self.lines.append(field)

    def _take_field(self, line: bytes) -> bool:
        """Whether the library below takes this field as it is."""
        self._count_field()
        if b"\0" in line or b"\r" in line:
            self._refuse(CurlCode.WEIRD_SERVER_REPLY, "a header with a NUL or CR in it")
        name, colon, value = line.partition(b":")
        if not colon:
            self._refuse(CurlCode.WEIRD_SERVER_REPLY, "a header without a colon")
        is_plain = _name(name) is not None
        name, value = name.rstrip().lower(), value.strip(b" \t")
        if not is_plain and name != b"location":
            return False
        if name == b"content-length":
            if self._counts_its_body() and (self._is_chunked or not self._has_codings):
                self._check_length(value)
            return False
        if name == b"transfer-encoding":
            if self._counts_its_body() and self._method != "HEAD":
                self._take_codings(value)
            return False
        if name == b"location" and self._status // 100 == 3:
            self._locations.add(value)
            if len(self._locations) > 1:
                self._refuse(CurlCode.WEIRD_SERVER_REPLY, "more than one Location")
            return False  # httpx fails on one that it cannot read, though it is not to follow it
        return is_plain

    def _count_field(self) -> None:
        self._fields += 1
        if self._fields > MAX_FIELDS:
            self._refuse(CurlCode.TOO_LARGE, f"more than {MAX_FIELDS} headers")

    def _counts_its_body(self) -> bool:
        """Whether it may have one: of other answers it does not matter what they say of it."""
        return self._status >= LOWEST_FINAL and self._status not in BODILESS

    def _check_length(self, value: bytes) -> None:
        self._lengths |= {
            whole_number(each.strip().decode("latin-1")) for each in value.split(b",")
        }
        length, *others = self._lengths
        if length is None or others:
            self._refuse(CurlCode.WEIRD_SERVER_REPLY, "no Content-Length, or more than one")
        if self._method != "HEAD" and length > MAX_LENGTH:
            self._refuse_size()

    def _refuse_size(self) -> NoReturn:
        limit = f"max_body, {self._most_bytes} bytes"
        self._refuse(CurlCode.FILESIZE_EXCEEDED, f"the body is larger than {limit}")

    def _take_codings(self, value: bytes) -> None:
        """A list of codings, of which ``chunked`` is the last that counts. Whatever it has, no
        length counts beside it (RFC 9112, 6.3)."""
        self._has_codings, is_chunked = True, False
        for coding in value.lower().split(b","):
            name = coding.strip(b" \t")
            if name == b"chunked":
                is_chunked = self._is_chunked = True
            elif name and (is_chunked or name != b"identity"):
                self._refuse(CurlCode.BAD_CONTENT_ENCODING, "a transfer coding that is not known")

    def _end(self) -> bytes:
        """What may go on of a head that is whole."""
        passed = self._passed
        if self._status == SWITCHING:
            self._refuse(CurlCode.GOT_NOTHING, "another protocol, which was not asked for")
        if self._status < LOWEST_FINAL:
            self._begin()
        elif self._method == "HEAD" or self._status in BODILESS:
            self._body = BodyEnd(0)
        elif self._is_chunked:
            passed.append(b"Transfer-Encoding: chunked\r\n")
            self._body = Chunks(self._take_trailer, self._refuse, self._wanted)
        else:
            length = None if self._has_codings else next(iter(self._lengths), None)
            if length is not None:
                if length > self._most_bytes:
                    self._refuse_size()
                passed.append(b"Content-Length: %d\r\n" % length)
            self._body = BodyEnd(length)
        self._passed = []
        return b"".join(passed) + b"\r\n"

    def _take_trailer(self, line: bytes) -> None:
        self._count_field()
        if b"\0" in line or b":" not in line:
            self._refuse(CurlCode.WEIRD_SERVER_REPLY, "a trailer with a NUL, or without a colon")
        if sum(map(len, self.lines)) + len(line) > MAX_HEAD_BYTES:
            self._refuse(CurlCode.RECV_ERROR, f"headers of more than {MAX_HEAD_BYTES} bytes")
        self.lines.append(line + b"\r\n")

    def _refuse(self, code: int, text: str) -> NoReturn:
        sent, phase = (Sent.YES, Phase.BODY) if self.is_begun else (Sent.MAYBE, Phase.FIRST_BYTE)
        raise answer_error(code, f"{self._place}: {text}", sent=sent, phase=phase)
