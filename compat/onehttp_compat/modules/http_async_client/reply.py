"""The values of ``$http_rs``, ``$http_hdr(...)`` and similar variables.

The module collects everything that libcurl gives it, all blocks of headers and the body, and parses
that as a SIP reply. Faithful mode does the same. Fixed mode shows the final response by the rules
of HTTP.
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
"""The module ignores a reply that is not longer than this many bytes."""
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
    """A parsed reply. Parts that could not be parsed are None."""

    status: int | None
    reason: bytes | None
    header_lines: bytes
    body: bytes | None


class AsyncReply:
    """The answer of one query, which the variables of its callback show."""

    def __init__(self, result: Result, xdata: object, is_faithful: bool, is_first: bool) -> None:
        self.result = result
        self.xdata = xdata if isinstance(xdata, str) else ""
        self._is_faithful = is_faithful
        self._is_first = is_first
        self._parsed: Parsed | None = None

    @property
    def is_timeout(self) -> bool:
        """The query has timed out."""
        return isinstance(self.result.error, TimeoutError)

    @property
    def error_text(self) -> str | None:
        """``$http_err``: the error, or None if there is a response with any status."""
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
        """The parsed buffer."""
        # up to Python 3.12 a cached_property would take a lock for each answer
        if self._parsed is None:
            self._parsed = self._safely_parsed() or self._parsed_as_text()
        return self._parsed

    def _safely_parsed(self) -> Parsed | None:
        """The same for a well-formed response, whose parts need not be joined first."""
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
        """Headers by names in lower case, without short forms. Few callbacks ask for one."""
        return _headers(self.parsed.header_lines)

    def _chokes(self, head: bytes, status: int) -> bool:
        # The parser fails at a Via that was not renamed, and loses what follows a 100.
        return _via.search(head) is not None or (status == 100 and not self._is_first)

    def header(self, name: str, element: str) -> Value:
        """``$http_hdr(name)``. ``element`` selects one of several by its number; ``*`` means
        all."""
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
        """``$http_time(name)``: microseconds; 0 if there was no response."""
        response = self.result.response
        field = _TIMES[known_time(name)]
        return 0 if response is None else int(getattr(response.timings, field))


def known_time(name: str) -> str:
    """Return ``name`` if it is a time of ``$http_time``.

    Raises:
        UnknownVariableError: it is not.
    """
    if name not in _TIMES:
        raise UnknownVariableError(f"$http_time({name}): there are: {', '.join(_TIMES)}")
    return name


def long_name(name: str) -> str:
    """The name of a header for comparisons: in lower case, with the short forms of SIP replaced."""
    lowered = name.strip().lower()
    return _SIP_SHORT_FORMS.get(lowered, lowered)


def _blocks(response: Response) -> list[bytes]:
    """The blocks of headers, starting with interim responses and redirects. Trailers are left
    out."""
    head = response.head
    if head.find(b"\r\n\r\n") + 4 == len(head):
        return [head]
    blocks: list[bytes] = []
    for block in re.split(rb"(?<=\n)(?=HTTP/)", head):
        end = _blank_line.search(block)
        blocks.append(block if end is None else block[: end.end()])
    return blocks


def _zero_filled(body: bytes) -> bytes:
    # The module fills the buffer with a function for C strings: text behind a NUL is lost, but the
    # length still counts it.
    text, nul, rest = body.partition(b"\0")
    return text + bytes(len(nul) + len(rest))


def _headers(lines: bytes) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for line in re.split(rb"\r?\n(?![ \t])", lines):
        name, colon, value = line.partition(b":")
        if colon:
            found.append((long_name(name.decode("latin-1")), value.strip()))
    return found
