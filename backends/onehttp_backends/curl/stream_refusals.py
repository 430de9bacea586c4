"""What only libcurl's log tells of streams of HTTP/2.

Whether a server has refused one, without processing it (RFC 9113, 8.7): libcurl repeats such a
request by itself, up to five times. And that no other would be allowed on a connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from onehttp_backends.curl.signal_safe import notice_callback
from onehttp_backends.errors import CurlCode

_INFO: Final = 0
MOST_STREAMS: Final = 101
"""libcurl's own limit for each connection, by which its log is told from a server's of up to 100.
Where a server allows more, this many are followed by another connection."""
_is_refusal: Final = re.compile(
    rb"HTTP/2 stream \d+ refused by server"  # REFUSED_STREAM, or above what a GOAWAY names
    rb"|REFUSED_STREAM"
    rb"|Downgrades to HTTP/1\.1"  # HTTP_1_1_REQUIRED
).match
_is_full: Final = re.compile(rb"connection #(\d+) ?reached MAX_CONCURRENT_STREAMS\((\d+)\)").match
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


def noting_refusals(
    found: list[bytes], full: dict[bytes, int], raised: list[BaseException]
) -> Callable[..., int]:
    """For ``DEBUGFUNCTION``: adds the lines of one handle's log that tell of a refusal to
    ``found``, and to ``full`` the connections that take no stream more, with the server's limit."""

    def note(kind: int, line: bytes) -> None:
        if kind != _INFO:
            return
        if _is_refusal(line):
            found.append(line)
        elif (limit := _is_full(line)) and int(limit[2]) < MOST_STREAMS:
            full[limit[1]] = int(limit[2])

    return notice_callback(note, 2, raised.append)
