"""Whether a server has refused a stream of HTTP/2, without processing it (RFC 9113, 8.7).

libcurl repeats such a request by itself, up to five times, and mentions that in its log only.
"""

from __future__ import annotations

import re
from typing import Final

from onehttp_backends.curl.signal_safe import notice_callback
from onehttp_backends.errors import CurlCode

_INFO: Final = 0
_is_refusal: Final = re.compile(
    rb"HTTP/2 stream \d+ refused by server"  # REFUSED_STREAM, or above what a GOAWAY names
    rb"|REFUSED_STREAM"
    rb"|Downgrades to HTTP/1\.1"  # HTTP_1_1_REQUIRED
).match
_closed_by_goaway: Final = re.compile(
    r"HTTP/2 stream \d+ reset by curl \(error 0x[\da-f]{1,2} "  # its own have a negative number
).match


def is_above_goaway(code: int, text: str) -> bool:
    """Whether the stream is above the last one of a GOAWAY with an error code (RFC 9113, 6.8).

    libcurl ends such a stream with that error, and does not repeat it.
    """
    return code == CurlCode.HTTP2_STREAM and bool(_closed_by_goaway(text))


class StreamRefusals:
    """Finds refusals in libcurl's log of one handle, since its last sending."""

    __slots__ = ("_found", "note")

    def __init__(self, raised: list[BaseException]) -> None:
        found: list[bytes] = []

        def note(kind: int, line: bytes) -> None:
            if kind == _INFO and _is_refusal(line):
                found.append(line)

        self._found = found
        self.note = notice_callback(note, 2, raised.append)
        """For ``DEBUGFUNCTION``."""

    def __bool__(self) -> bool:
        return bool(self._found)

    def forget(self) -> None:
        """Forget them: the request is sent again, or another one is."""
        self._found.clear()
