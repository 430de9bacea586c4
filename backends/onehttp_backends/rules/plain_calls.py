"""Requests of the calls that most are: text, no body, a few headers, perhaps seconds.

It takes nothing for granted of what a caller gives, so it can be compiled. What it does not know
goes the way of all others, `build_request`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from onehttp_backends.contract import Request, TransferOptions
from onehttp_backends.headers import HeaderPairs

KNOWN_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}
)
METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
METHODS_WITHOUT_BODY: Final = KNOWN_METHODS - METHODS_WITH_BODY
NO_HEADERS: Final[HeaderPairs] = ()
_new: Final = tuple.__new__


def plain_call(
    method: Any,
    url: Any,
    options: TransferOptions,
    call: Any,
    own_headers: HeaderPairs = NO_HEADERS,
) -> Request | None:
    """What `build_request` makes of a call with no keywords but ``headers`` and ``timeout``; None:
    they need a closer look."""
    if not (type(method) is type(url) is str and method in METHODS_WITHOUT_BODY and url.isascii()):
        return None
    pairs: HeaderPairs | None = own_headers
    timeout: Any = None
    if call:
        timeout = call.get("timeout")
        if timeout is not None and type(timeout) is not float and type(timeout) is not int:
            return None
        headers = call.get("headers")
        if headers is not None:
            if (pairs := plain_pairs(headers)) is None:
                return None
            if own_headers:
                pairs = merge_headers(own_headers, pairs)
    # Spelled out, as in `plain_request`: a function more takes as long as all this.
    return _new(Request, (method, url, pairs, None, options, timeout, None, False, None))


def plain_pairs(headers: Any) -> HeaderPairs | None:
    """Headers as pairs, if they are given as such or as a dict; not yet checked."""
    if type(headers) is tuple:
        for pair in headers:
            if type(pair) is not tuple or len(pair) != 2:
                return None
        return headers  # the same object again lets an engine skip its checks
    return tuple(headers.items()) if type(headers) is dict else None


def merge_headers(own: HeaderPairs, given: tuple[Any, ...]) -> HeaderPairs:
    """A connection's headers, less those that the call names, then the call's."""
    own_names = _lowered_names(own)
    for pair in given:
        if isinstance(pair[0], str) and pair[0].lower() in own_names:
            break
    else:
        return own + given
    named = {pair[0].lower() for pair in given if isinstance(pair[0], str)}
    return (*(pair for pair in own if pair[0].lower() not in named), *given)


@lru_cache(maxsize=256)
def _lowered_names(own: HeaderPairs) -> frozenset[str]:
    """The names of a connection's headers in lower case; the same for all its calls."""
    return frozenset(name.lower() for name, _ in own)
