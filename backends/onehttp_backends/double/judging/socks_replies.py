"""What a SOCKS 5 proxy says, piece by piece: the library below takes a piece for the whole.

Source: RFC 1928 and 1929.
"""

from __future__ import annotations

from typing import Final

_TO_HOST_LENGTH: Final = 5
_ADDRESS_BYTES: Final = {1: 10, 4: 22}


class SocksReplies:
    """The replies on one connection: to methods, to a password, to the way asked for."""

    def __init__(self) -> None:
        self._ended = 0

    def is_whole(self, reply: bytes) -> bool:
        """Whether nothing is missing of what has come of the next reply."""
        is_short = self._ended == 0 or reply[:1] == b"\x01"
        if is_short or reply[:1] != b"\x05":
            whole = 2
        elif len(reply) < _TO_HOST_LENGTH:
            return False
        else:
            whole = _ADDRESS_BYTES.get(reply[3], 7 + reply[4])
        self._ended += len(reply) >= whole
        return len(reply) >= whole
