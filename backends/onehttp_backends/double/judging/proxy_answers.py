"""What a proxy says to ``CONNECT``, as libcurl judges it: one answer, and nothing behind it.

The library below reads it in another way: it goes on behind an interim answer, and lets go of what
stands behind the head, so that the handshake would wait for what has come.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from onehttp_backends.double.judging.heads import (
    LOWEST_FINAL,
    MAX_FIELDS,
    MAX_HEAD_BYTES,
    MAX_LENGTH,
)
from onehttp_backends.errors import CurlCode, Phase, ProxyError, TLSError
from onehttp_backends.headers import whole_number

MAX_LINE_BYTES: Final = 16 * 1024
_OPENED: Final = b"HTTP/1.1 200 OK\r\n\r\n"
_FIRST_NOT_OPEN: Final = 300
_status: Final = re.compile(rb"HTTP/1\.[01] (\d{3})(?!\d)").match

_RECORD_BYTES: Final = 5
"""A TLS record cannot be told from anything else by fewer bytes."""


class ProxyAnswer:
    """The head of one such answer."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._pending = b""
        self._taken = 0
        self._status: int | None = None
        self._field = b""
        self._fields = 0
        self._has_bad_length = False

    def take(self, data: bytes) -> bytes | None:
        """What the library may have of what has come: that the way is open; None: it is not yet.

        Raises:
            TransferError: libcurl would end here.
        """
        if not data:
            self._end_field()
            # Once: the library asks again until nothing comes any more.
            cut_off, self._pending = self._pending, b""
            return cut_off
        self._pending += data
        while True:
            line, newline, rest = self._pending.partition(b"\n")
            if len(line + newline) >= MAX_LINE_BYTES or self._taken + len(line) > MAX_HEAD_BYTES:
                self._refuse(CurlCode.RECV_ERROR, "a line or a head without an end")
            if not newline:
                return None
            self._pending = rest
            self._taken += len(line) + 1
            line = line.removesuffix(b"\r")
            if not line:
                return self._end()
            if b"\0" in line or b"\r" in line:
                self._refuse(CurlCode.WEIRD_SERVER_REPLY, "a NUL or CR within a line")
            self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        if self._status is None:
            found = _status(line)
            self._status = int(found[1]) if found else -1
        elif line[:1] in b" \t":  # of the field before, or of none
            self._field += line if self._field else b""
        else:
            self._end_field()
            self._field = line

    def _end_field(self) -> None:
        field, self._field = self._field, b""
        if not field or self._status == -1:
            return
        self._fields += 1
        if self._fields > MAX_FIELDS:
            self._refuse(CurlCode.TOO_LARGE, f"more than {MAX_FIELDS} headers")
        name, colon, value = field.partition(b":")
        if not colon:
            self._refuse(CurlCode.BAD_FUNCTION_ARGUMENT, "a header without a colon")
        if name.lower() == b"content-length":
            length = whole_number(value.partition(b",")[0].strip(b" \t").decode("latin-1"))
            self._has_bad_length |= length is None or length > MAX_LENGTH

    def _end(self) -> bytes:
        self._end_field()
        status = -1 if self._status is None else self._status
        is_open = LOWEST_FINAL <= status < _FIRST_NOT_OPEN
        if status < 0 or (status >= _FIRST_NOT_OPEN and self._has_bad_length):
            self._refuse(CurlCode.WEIRD_SERVER_REPLY, "no answer of HTTP/1")
        if not is_open:
            self._refuse(CurlCode.COULDNT_CONNECT, f"response {status:03d}")
        if len(self._pending) >= _RECORD_BYTES:
            message = f"{self._place}: what comes behind the proxy's answer is no TLS"
            raise TLSError(CurlCode.SSL_CONNECT_ERROR, message, phase=Phase.TLS)
        return _OPENED

    def _refuse(self, code: int, text: str) -> NoReturn:
        raise ProxyError(code, f"{self._place}: CONNECT tunnel failed, {text}")
