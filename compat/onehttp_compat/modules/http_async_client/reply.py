"""What ``$http_rs``, ``$http_hdr(...)`` and their like say of an answer.

The module collects all that libcurl hands it, every header block and the body, and reads that with
the parser for SIP replies. Faithful mode does the same; fixed mode shows the final response as HTTP
has it.
"""

from __future__ import annotations

import functools
import re
from typing import Final, NamedTuple

from onehttp import Response, Result, TimeoutError
from onehttp_compat.pv import UnknownVariableError, Value

TIMEOUT: Final = "TIMEOUT"
_first_line = re.compile(rb"HTTP/(?:1\.[01]|2) (\d{3}) ([^\r\n]*)", re.IGNORECASE).match
_any_first_line = re.compile(rb"HTTP/[0-9.]+ (\d{3}) ?([^\r\n]*)", re.IGNORECASE).match
_via = re.compile(rb"\nVia:", re.IGNORECASE)
_blank_line = re.compile(rb"\r?\n\r?\n")
_SHORTEST: Final = 16
"""A reply has to be longer than this many bytes."""
_TIMES: Final = {
    "total": "total_us",
    "lookup": "lookup_us",
    "connect": "connect_us",
    "redirect": "redirect_us",
    "appconnect": "appconnect_us",
    "pretransfer": "pretransfer_us",
    "starttransfer": "starttransfer_us",
}
_SIP_SHORT_FORMS: Final = {
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "s": "subject",
    "t": "to",
    "v": "via",
    "x": "session-expires",
}


class Parsed(NamedTuple):
    """A reply taken apart; what does not parse is None."""

    status: int | None
    reason: bytes | None
    header_lines: bytes
    body: bytes | None


class AsyncReply:
    """The answer of one query, for the variables of its callback."""

    def __init__(self, result: Result, xdata: object, is_faithful: bool, is_first: bool) -> None:
        self.result = result
        self.xdata = xdata if isinstance(xdata, str) else ""
        self._is_faithful = is_faithful
        self._is_first = is_first
        self._parsed: Parsed | None = None

    @property
    def is_timeout(self) -> bool:
        """Nothing came in time."""
        return isinstance(self.result.error, TimeoutError)

    @property
    def error_text(self) -> str | None:
        """``$http_err``: None where there is a response, whatever its status."""
        error = self.result.error
        if error is None:
            return None
        if self.is_timeout:
            return TIMEOUT
        return error.reason

    @functools.cached_property
    def buffer(self) -> bytes | None:
        """``$http_mb``: status line, headers and body."""
        response = self.result.response
        if response is None:
            return None
        if not self._is_faithful:
            return _blocks(response)[-1] + response.body
        whole = b"".join(_blocks(response)) + _zero_filled(response.body)
        return whole if self._is_first else _via.sub(b"\nHia:", whole, count=1)

    @property
    def parsed(self) -> Parsed:
        """The buffer taken apart."""
        if self._parsed is None:  # a cached_property takes a lock, in each answer, until 3.12
            self._parsed = self._safely_parsed() or self._parsed_as_text()
        return self._parsed

    def _safely_parsed(self) -> Parsed | None:
        """The same of a response that is as it should be, whose parts need not be put together."""
        response = self.result.response
        if response is None or self._is_faithful:
            return None
        block = _blocks(response)[-1]
        match = _any_first_line(block)
        end = -4 if block.endswith(b"\r\n\r\n") else 0
        if match is None or not end or match.end() > len(block) + end:
            return None
        return Parsed(int(match[1]), match[2], block[match.end() : end], response.body)

    def _parsed_as_text(self) -> Parsed:
        buffer = self.buffer
        if buffer is None:
            return Parsed(None, None, b"", None)
        match = (_first_line if self._is_faithful else _any_first_line)(buffer)
        if match is None or (self._is_faithful and len(buffer) <= _SHORTEST):
            return Parsed(None, None, b"", None)
        status, reason = int(match[1]), match[2]
        end = _blank_line.search(buffer)
        if end is None or (self._is_faithful and self._chokes(buffer[: end.start()], status)):
            return Parsed(status, reason, b"", None)
        return Parsed(status, reason, buffer[match.end() : end.start()], buffer[end.end() :])

    @functools.cached_property
    def _headers(self) -> list[tuple[str, bytes]]:
        """Names in lower case, short forms written out; few callbacks ask for one."""
        return _headers(self.parsed.header_lines)

    def _chokes(self, head: bytes, status: int) -> bool:
        # A Via that is left under its name is none of SIP's; and what follows a 100 is lost.
        return _via.search(head) is not None or (status == 100 and not self._is_first)

    def header(self, name: str, element: str) -> Value:
        """``$http_hdr(name)``, or one ``element`` of several: a number, or ``*`` for all."""
        wanted = long_name(name)
        found = [value for known, value in self._headers if wanted in (known, "*")]
        if element == "*":
            return b",".join(found) if found else None
        try:
            return found[int(element or 0)]
        except IndexError:
            return None
        except ValueError:
            raise UnknownVariableError(
                f"$(http_hdr({name})[{element}]): expected a number or * in the brackets"
            ) from None

    def time_us(self, name: str) -> int:
        """``$http_time(name)``: microseconds; 0 where there was no response."""
        response = self.result.response
        field = _TIMES[known_time(name)]
        return 0 if response is None else int(getattr(response.timings, field))


def known_time(name: str) -> str:
    """``name`` if it is one of ``$http_time``.

    Raises:
        UnknownVariableError: it is none.
    """
    if name not in _TIMES:
        raise UnknownVariableError(f"$http_time({name}): there are: {', '.join(_TIMES)}")
    return name


def long_name(name: str) -> str:
    """A header's name as it is compared: lower case, SIP's short forms written out."""
    lowered = name.strip().lower()
    return _SIP_SHORT_FORMS.get(lowered, lowered)


def _blocks(response: Response) -> list[bytes]:
    """The header blocks, interim and redirected ones first; without trailers."""
    head = response.head
    if head.find(b"\r\n\r\n") + 4 == len(head):
        return [head]
    blocks: list[bytes] = []
    for block in re.split(rb"(?<=\n)(?=HTTP/)", head):
        end = _blank_line.search(block)
        blocks.append(block if end is None else block[: end.end()])
    return blocks


def _zero_filled(body: bytes) -> bytes:
    # The buffer is filled by a function for text: what follows a NUL is lost, its length is not.
    text, nul, rest = body.partition(b"\0")
    return text + bytes(len(nul) + len(rest))


def _headers(lines: bytes) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for line in re.split(rb"\r?\n(?![ \t])", lines):
        name, colon, value = line.partition(b":")
        if colon:
            found.append((long_name(name.decode("latin-1")), value.strip()))
    return found
