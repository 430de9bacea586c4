"""The fields of HTTP/2 answers, judged as libcurl judges them: the library below takes all.

It is shown what comes over a connection before the library is, and keeps a table of compressed
fields of its own (RFC 7541), as each reader has to.
"""

from __future__ import annotations

import re
from typing import Final

import hpack
from h2.exceptions import FrameTooLargeError

from onehttp_backends.errors import CurlCode, Phase, Sent, TransferError, answer_error

_DATA, _HEADERS, _RESET, _PUSH_PROMISE, _CONTINUATION = 0, 1, 3, 5, 9
_FRAMES_HEAD: Final = 9
_LARGEST_FRAME: Final = 16384
"""Bytes of its payload: no other limit is announced."""
_END_STREAM, _END_HEADERS, _PADDED, _PRIORITY = 1, 4, 8, 32
_STATUS: Final = b":status"
_MOST_STREAMS: Final = 1000
"""More than a server lets be open at once."""
_NOT_MODIFIED: Final = b"304"
_BODILESS: Final = (b"204", _NOT_MODIFIED)
_OF_THE_CONNECTION: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
_is_status = re.compile(rb"[1-9][0-9]{2}").fullmatch
_has_capitals = re.compile(rb"[A-Z]").search
_is_name = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+").fullmatch
_controls = re.compile(rb"[\0-\x08\x0a-\x1f\x7f]").search


class Http2Answer:
    """What was received on one stream."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        """As libcurl hands them over: heads of interim answers, the last one, and trailers."""
        self._status = b""
        self._fault: tuple[CurlCode, str] | None = None
        self._announced = -1
        self.received = 0
        """Bytes of its body."""
        self.is_to_head = False
        """It announces a body that does not come."""
        self.is_over = False
        """Its stream was reset: what comes then is nobody's."""

    @property
    def is_begun(self) -> bool:
        """An answer has begun, if only an interim one."""
        return bool(self._status)

    def fault(self, place: str) -> TransferError | None:
        """The error that libcurl would end with."""
        if self._fault is None:
            return None
        code, message = self._fault
        sent, phase = (Sent.YES, Phase.BODY) if self._status else (Sent.MAYBE, Phase.FIRST_BYTE)
        return answer_error(code, f"{place}: {message}", sent=sent, phase=phase)

    def take_data(self, size: int) -> None:
        """Some of a body has come."""
        self.received += size
        if self._status in _BODILESS and size:
            self._refuse("a body where there is none")

    def take_end(self) -> None:
        """It is over, and has been cut short if it has announced more."""
        has_none = self.is_to_head or self._status == _NOT_MODIFIED
        if self._announced not in (-1, self.received) and not (has_none or self.is_over):
            self._refuse("a body of another length than announced")

    def take_fields(self, fields: list[tuple[bytes, bytes]]) -> None:
        """A head, or trailers."""
        if self.is_over:
            return None
        is_trailer = bool(self._status) and not self._status.startswith(b"1")
        if not fields and not is_trailer:
            return self._refuse("an answer without a status")
        lengths = 0
        for at, (name, value) in enumerate(fields):
            if name.startswith(b":"):
                is_in_place = at == 0 and name == _STATUS and not is_trailer
                if not (is_in_place and _is_status(value)) or value == b"101":
                    return self._refuse(f"{name!r} has no place there, or no such value")
                self._status = value
                self.lines.append(b"HTTP/2 %s \r\n" % value)
            elif at == 0 and not is_trailer:
                return self._refuse("an answer without a status", CurlCode.WEIRD_SERVER_REPLY)
            elif name in _OF_THE_CONNECTION or (name == b"te" and value.lower() != b"trailers"):
                return self._refuse(f"{name!r} belongs to a connection of HTTP/1")
            elif _has_capitals(name):
                return self._refuse("capitals in the name of a field")
            elif name == b"content-length" and (lengths or not value.isdigit()):
                return self._refuse("no Content-Length, or more than one")
            elif _is_name(name) and not _controls(value):
                self.lines.append(b"%s: %s\r\n" % (name, value))
            if name == b"content-length":
                lengths, self._announced = 1, int(value)
        if not is_trailer:
            self.lines.append(b"\r\n")
        return None

    def _refuse(self, message: str, code: CurlCode = CurlCode.HTTP2_STREAM) -> None:
        self._fault = self._fault or (code, message)


class Http2Fields:
    """Reads the fields received on one connection, in parallel to the library."""

    def __init__(self) -> None:
        self._pending = b""
        self._decoder = hpack.Decoder(max_header_list_size=1 << 20)
        self._block = b""
        self._ends = False
        self._answers: dict[int, Http2Answer] = {}

    def answer(self, stream: int) -> Http2Answer:
        """What was received on a stream."""
        if stream not in self._answers:
            if len(self._answers) >= _MOST_STREAMS:
                del self._answers[next(iter(self._answers))]
            self._answers[stream] = Http2Answer()
        return self._answers[stream]

    def take(self, data: bytes) -> None:
        """More has come.

        Raises:
            FrameTooLargeError: the library would wait for all of such a frame. What is no HTTP/2 at
                all begins with one.
        """
        self._pending += data
        while len(self._pending) >= _FRAMES_HEAD:
            size = int.from_bytes(self._pending[:3], "big")
            if size > _LARGEST_FRAME:
                raise FrameTooLargeError(f"a frame of {size} bytes, of {_LARGEST_FRAME} at most")
            end = _FRAMES_HEAD + size
            if len(self._pending) < end:
                return
            head, payload = self._pending[:_FRAMES_HEAD], self._pending[_FRAMES_HEAD:end]
            self._pending = self._pending[end:]
            self._take_frame(head[3], head[4], int.from_bytes(head[5:], "big"), payload)

    def _take_frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _DATA and stream in self._answers:
            padding = payload[0] + 1 if flags & _PADDED and payload else 0
            self._answers[stream].take_data(max(0, len(payload) - padding))
            if flags & _END_STREAM:
                self._answers[stream].take_end()
        if kind == _RESET and stream in self._answers:
            self._answers[stream].is_over = True
        if kind not in (_HEADERS, _PUSH_PROMISE, _CONTINUATION):
            return
        if kind != _CONTINUATION:
            self._ends = kind == _HEADERS and bool(flags & _END_STREAM)
            start = 4 if kind == _PUSH_PROMISE else 5 if flags & _PRIORITY else 0
            padding = 0
            if flags & _PADDED and payload:
                start, padding = start + 1, payload[0]
            payload = payload[start : len(payload) - padding]
        self._block += payload
        if flags & _END_HEADERS:
            block, self._block = self._block, b""
            try:
                fields = self._decoder.decode(block, raw=True)
            except hpack.HPACKError:
                return  # of which the library says what is to be said
            if kind != _PUSH_PROMISE:
                pairs = [(bytes(name), bytes(value)) for name, value in fields]
                self.answer(stream).take_fields(pairs)
                if self._ends:
                    self.answer(stream).take_end()
