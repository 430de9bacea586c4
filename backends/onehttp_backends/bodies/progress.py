"""How far the bodies of a call have come."""

from __future__ import annotations

from typing import NamedTuple


class Progress(NamedTuple):
    """Bytes of both bodies, as they pass the wire."""

    sent: int
    """Of the request's, in the attempt under way."""
    to_send: int | None
    """In all; None: nobody knows before its end."""
    received: int
    """Of the response's, codings included."""
    to_receive: int | None
