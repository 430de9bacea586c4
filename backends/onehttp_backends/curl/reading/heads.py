"""Whether the head of an answer is all there, while its body is still to come."""

from __future__ import annotations

from typing import Final

from onehttp_backends.contract import AuthScheme
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.receiving.passing_by import REDIRECT_CODES
from onehttp_backends.headers import BLANK_LINES

UNASKED_SCHEMES: Final = AuthScheme.BASIC | AuthScheme.BEARER


def is_whole(handle: Handle, has_body: bool) -> bool:
    """Whether what is there is the head of the last answer.

    Of a challenge that libcurl may reply to, and of a redirect that is passed by, the body or the
    end of the transfer tells.
    """
    head = handle.head
    if not head:
        return False
    if has_body:
        return not handle.has_switched
    if head[-1] not in BLANK_LINES:
        return False
    status = next(
        (line.partition(b" ")[2][:3] for line in reversed(head) if line.startswith(b"HTTP/")), b""
    )
    if status.startswith(b"1"):
        return False
    auth = handle.options.auth
    if auth is not None and auth.schemes & ~UNASKED_SCHEMES and status in (b"401", b"407"):
        return False
    return not (handle.passes_redirects_by and status in REDIRECT_CODES)
