"""Methods: which there may be, which are safe, and which have no body."""

from __future__ import annotations

import re
from typing import Final

from onehttp_backends.contract import Request
from onehttp_backends.errors import CurlCode, RequestError, RequestTypeError

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods a server must not act on (RFC 9110, 9.2.1): the only ones repeated unasked."""
PLAIN_METHODS: Final = frozenset({"GET", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
"""Methods that need no further check."""

is_token: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_HEAD: Final = "HEAD"
_TRACE: Final = "TRACE"
_CONNECT: Final = "CONNECT"


def check_unusual(request: Request) -> None:
    """Raises RequestError unless its method, which is no plain one, can be sent with what it has.

    The legacy modules send what they are told.
    """
    method = request.method
    if method == _HEAD or (method == _TRACE and not request.options.as_libcurl):
        if request.body is not None or request.upload is not None:
            raise _refused(f"{method}: a body cannot be sent")
        return
    check_method(method)
    if method.upper() == _CONNECT and not request.options.as_libcurl:
        raise _refused(
            f"method {method}: it asks a proxy for a tunnel, which `proxy:` of a connection does; "
            "of a call the answer would be none"
        )


def check_method(method: str) -> None:
    """Raises RequestError unless ``method`` is a token of RFC 9110."""
    if not isinstance(method, str):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"method: expected str, got {type(method).__name__}"
        )
    if not is_token(method):
        raise _refused(f"method {method!r}: not a token of RFC 9110")


def _refused(reason: str) -> RequestError:
    return RequestError(CurlCode.BAD_FUNCTION_ARGUMENT, reason)
