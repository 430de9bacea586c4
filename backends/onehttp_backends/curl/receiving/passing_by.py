"""A redirect that its caller follows is over with its head: nobody reads the body, which may be
large, or never end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from onehttp_backends.headers import BLANK_LINES, begins_head
from onehttp_backends.response import REDIRECTS

REDIRECT_CODES: Final = tuple(b"%d" % status for status in sorted(REDIRECTS))
"""As status lines have them."""
SMALL_BYTES: Final = 16 * 1024
"""A body that is announced as so small is read if it comes at once: its connection can be kept."""


class Receiving(Protocol):
    """The part of a handle that is used here."""

    head: list[bytes]
    was_truncated: bool


class PassingBy:
    """Stands between libcurl and a handle whose caller follows redirects.

    Args:
        write: takes the bodies of other answers.
    """

    __slots__ = ("_announced_bytes", "_is_redirect", "_last", "_leads_on", "_receiving", "_write")

    def __init__(self, receiving: Receiving, write: Callable[[bytes], int | None]) -> None:
        self._receiving = receiving
        self._write = write
        self._is_redirect = self._leads_on = False
        self._announced_bytes = SMALL_BYTES + 1
        self._last = b""
        """The last status line."""

    def note(self, line: bytes) -> int | None:
        """A line of a head (``HEADERFUNCTION``)."""
        self._receiving.head.append(line)
        return self._note(line)

    def write(self, chunk: bytes) -> int | None:
        """More of a body has come (``WRITEFUNCTION``)."""
        if self._leads_on and len(chunk) < self._announced_bytes:
            return self._pass_by()
        return self._write(chunk)

    def _note(self, line: bytes) -> int | None:
        if line.startswith(b"HTTP/") and (
            b":" not in line or begins_head(line, b"".join(self._receiving.head[-2:-1]), self._last)
        ):
            self._last = line
            self._is_redirect = line.partition(b" ")[2][:3] in REDIRECT_CODES
            self._leads_on = False
            self._announced_bytes = SMALL_BYTES + 1
        elif self._is_redirect:
            name, _, value = line.partition(b":")
            if line in BLANK_LINES:
                self._is_redirect = False  # what may still come are trailers
                if self._leads_on and self._announced_bytes > SMALL_BYTES:
                    return self._pass_by()
            elif name.lower() == b"location":
                self._leads_on = self._leads_on or bool(value.strip())
            elif name.lower() == b"content-length" and value.strip().isdigit():
                self._announced_bytes = int(value)
        return None

    def _pass_by(self) -> int:
        self._receiving.was_truncated = True
        return 0
