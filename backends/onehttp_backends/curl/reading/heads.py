"""Whether the head of an answer is all there, while its body is still to come, and is one."""

from __future__ import annotations

from typing import Final

import pycurl

from onehttp_backends.contract import AuthScheme
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.receiving.passing_by import REDIRECT_CODES
from onehttp_backends.errors import CurlCode
from onehttp_backends.headers import BLANK_LINES, begins_head, last_status

UNASKED_SCHEMES: Final = AuthScheme.BASIC | AuthScheme.BEARER
NO_STATUS_LINE: Final = "the answer begins with no status line of HTTP"
CUT_OFF: Final = "the connection ended in the middle of the head"


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
    status = last_status(head)
    if status.startswith(b"1"):
        return False
    auth = handle.options.auth
    if auth is not None and auth.schemes & ~UNASKED_SCHEMES and status in (b"401", b"407"):
        return False
    return not (handle.passes_redirects_by and status in REDIRECT_CODES)


def is_all_there(handle: Handle) -> bool:
    """Whether an answer over HTTP/2 has all the bytes that it announces: what its server has to say
    of a request that is still on its way does not change it (RFC 9113, 8.1)."""
    head, getinfo = handle.head, handle.easy.getinfo
    if not head or head[-1] not in BLANK_LINES or not head[0].startswith(b"HTTP/2"):
        return False
    announced = getinfo(pycurl.CONTENT_LENGTH_DOWNLOAD_T)
    is_last = not last_status(head).startswith(b"1") and not handle.options.as_libcurl
    return is_last and 0 <= announced == getinfo(pycurl.SIZE_DOWNLOAD_T)


def fault_of_head(handle: Handle) -> tuple[int, str] | None:
    """What is wrong with heads that libcurl has taken: it looks at the beginning of a status line
    only, behind an interim answer at none, and a head may end before its blank line."""
    if handle.options.as_libcurl:
        return None
    before = last = b""
    is_open = is_interim = True
    for line in handle.head:
        is_first = line.startswith(b"HTTP/") and begins_head(line, before, last)
        if is_first or (is_interim and not is_open) or not last:
            if not handle.shelf.status_lines.begin_with(line):
                return CurlCode.UNSUPPORTED_PROTOCOL, NO_STATUS_LINE
            last, is_open, is_interim = line, True, line.partition(b" ")[2][:1] == b"1"
        elif line in BLANK_LINES:
            is_open = False
        before = line
    if not last:
        return CurlCode.UNSUPPORTED_PROTOCOL, NO_STATUS_LINE
    return (CurlCode.GOT_NOTHING, CUT_OFF) if is_open else None
