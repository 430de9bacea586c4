"""Responses that switch to another protocol, which nobody here has asked for.

libcurl takes the bytes after such a head for a body that lasts as long as the connection, so that a
caller would wait for it until the time limit.
"""

from __future__ import annotations

from typing import Final

from onehttp_backends.contract import Request
from onehttp_backends.errors import CurlCode, Phase, Sent, TransferError, answer_error
from onehttp_backends.headers import BLANK_LINES, last_status
from onehttp_backends.shown import shown

SWITCHING: Final = 101
SWITCHED: Final = "another protocol, which was not asked for"
_STATUS: Final = b"101"


def has_switched(head: list[bytes]) -> bool:
    """Whether the last of the heads that have come is such a one, and whole."""
    if not head or head[-1] not in BLANK_LINES:
        return False
    return last_status(head) == _STATUS


def switched(request: Request) -> TransferError:
    """The error text for the caller."""
    text = f"{shown(request)}: {SWITCHED}"
    return answer_error(CurlCode.GOT_NOTHING, text, sent=Sent.YES, phase=Phase.BODY)
