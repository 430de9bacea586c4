"""A body to be sent, as a whole: for those who answer without a wire, or keep what was sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from onehttp_backends.bodies.upload import Sending

_PIECE_BYTES: Final = 16 * 1024


def gathered(sending: Sending | None, on_sent: Callable[[], None] | None) -> bytes | None:
    """What the caller gives to be sent, in its thread; ``on_sent`` is called for each piece."""
    if sending is None:
        return None
    found = bytearray()
    while (piece := sending.take(_PIECE_BYTES)) != b"":
        if piece is None:
            sending.pull()
        else:
            found += piece
            if on_sent is not None:
                on_sent()
    return bytes(found)


async def agathered(sending: Sending | None, on_sent: Callable[[], None] | None) -> bytes | None:
    """The same, awaited."""
    if sending is None:
        return None
    found = bytearray()
    while (piece := sending.take(_PIECE_BYTES)) != b"":
        if piece is None:
            await sending.apull()
        else:
            found += piece
            if on_sent is not None:
                on_sent()
    return bytes(found)
