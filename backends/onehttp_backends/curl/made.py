"""What has to be found again of every easy handle that still exists."""

from __future__ import annotations

from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.curl.tls.handshake import Handshake


class Made:
    """Of one handle, which alone keeps it: weak references lead here. There are none to instances
    of what is compiled."""

    __slots__ = ("__weakref__", "easy", "handshake")

    def __init__(self, easy: Easy, handshake: Handshake | None) -> None:
        self.easy = easy
        self.handshake = handshake
