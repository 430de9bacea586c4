"""Whether a server has refused a stream of HTTP/2, without processing it (RFC 9113, 8.7).

libcurl repeats such a request by itself, up to five times, and mentions that in its log only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
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


def is_reset_by_server(code: int, text: str) -> bool:
    """Whether the server has ended the stream, and not libcurl for what is wrong with its answer;
    while a request is being sent libcurl has no words for it."""
    is_told = code == CurlCode.HTTP2_STREAM and "reset by server" in text
    return is_told or code == CurlCode.SEND_ERROR


def noting_refusals(found: list[bytes], raised: list[BaseException]) -> Callable[..., int]:
    """For ``DEBUGFUNCTION``: adds the lines of one handle's log that tell of a refusal to
    ``found``."""

    def note(kind: int, line: bytes) -> None:
        if kind == _INFO and _is_refusal(line):
            found.append(line)

    return notice_callback(note, 2, raised.append)
