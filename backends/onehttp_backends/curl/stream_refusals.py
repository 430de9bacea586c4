"""Whether a server has refused a stream of HTTP/2, without processing it (RFC 9113, 8.7).

libcurl repeats such a request by itself, up to five times, and mentions that in its log only.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Generator
from typing import Final

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
        self._found: list[bytes] = []
        begun: list[BaseException] = []
        heard = [begun]
        reading = _read(self._found, heard)
        next(reading)
        if begun:  # of ours, and not of a call that drives meanwhile
            raise begun.pop()
        heard[0] = raised
        # As in `libcurl.Hearing`: no signal handler may break it, so it is all C up to its `try`.
        self.note: Callable[[int, bytes], object] = functools.partial(max, key=reading.send)
        """For ``DEBUGFUNCTION``."""

    def __bool__(self) -> bool:
        return bool(self._found)

    def forget(self) -> None:
        """Forget them: the request is sent again, or another one is."""
        self._found.clear()


def _read(
    found: list[bytes], raised: list[list[BaseException]]
) -> Generator[int, int | bytes, None]:
    kind = -1
    while True:
        try:
            while True:
                said = yield 0
                if isinstance(said, int):
                    kind = said
                elif kind == _INFO and _is_refusal(said):
                    found.append(said)
        except GeneratorExit:
            return
        except BaseException as error:  # noqa: BLE001 - raised by who has called libcurl
            raised[0].append(error)
