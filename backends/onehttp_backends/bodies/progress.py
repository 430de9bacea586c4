"""The progress of a call's bodies, as callbacks get it."""

from __future__ import annotations

from typing import NamedTuple


class Progress(NamedTuple):
    """Bytes of both bodies on the wire, before any decoding."""

    sent: int
    """Bytes of the request body sent, in the present attempt."""
    to_send: int | None
    """Size of the request's body; None if it is not known before its end."""
    received: int
    """Bytes of the response body received."""
    to_receive: int | None
    """Size of the response's body; None if its head does not tell."""
