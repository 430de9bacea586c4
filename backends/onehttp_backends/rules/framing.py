"""Where a message ends, and whose it is: said once, and truly, or it is not sent or read on.

libcurl sends a caller's ``Content-Length`` beside a body of another length. What is too much then
is read as the next request of the connection, with the next caller's credentials.
"""

from __future__ import annotations

import re
from typing import Final

from onehttp_backends.errors import CurlCode, RequestError
from onehttp_backends.headers import HeaderPairs

LENGTH: Final = "content-length"
CODING: Final = "transfer-encoding"
HOST: Final = "host"
CONNECTION: Final = "connection"
EXPECT: Final = "expect"
FRAMING: Final = frozenset({LENGTH, CODING, HOST})
"""Headers that say where a message ends, and whose it is."""
SPECIAL: Final = FRAMING | {CONNECTION, EXPECT}
"""Headers that say how a message is sent, not what it means."""

_splits_a_host = re.compile(r"[\s/?#@\\,]").search


def is_ambiguous(head: list[bytes]) -> bool:
    """Whether an answer has chunks beside a length, or in HTTP/1.0: what some read as the next
    answer, others read as part of it, so that nobody may read on (RFC 9112, 6.1 and 6.3)."""
    text = b"".join(head).lower()
    # `in` would ask for a number first, and make an error of it
    if text.find(b"\ntransfer-encoding:") < 0:
        return False
    is_old = text.startswith(b"http/1.0 ") or text.find(b"\nhttp/1.0 ") >= 0
    return is_old or text.find(b"\ncontent-length:") >= 0


def check_framing(headers: HeaderPairs, body: bytes | None) -> None:
    """Raises RequestError unless the headers leave one way to read the request (RFC 9112, 6)."""
    found: dict[str, str] = {}
    for name, value in headers:
        lowered = name.lower()
        if lowered == CONNECTION:
            check_connection(value)
        if lowered not in FRAMING:
            continue
        if lowered in found:
            raise _refused(f"header {name}: given twice; keep one")
        found[lowered] = value.strip(" \t")
    coding = found.get(CODING)
    if LENGTH in found:
        _check_length(found[LENGTH], bool(coding), body)
    if coding:
        if coding.lower() != "chunked":
            raise _refused("header Transfer-Encoding: only 'chunked' can be sent; leave it out")
        if body is None:
            raise _refused("header Transfer-Encoding: there is no body; leave it out")
    if HOST in found and (not found[HOST] or _splits_a_host(found[HOST])):
        raise _refused("header Host: expected a host with an optional port")


def _check_length(written: str, is_chunked: bool, body: bytes | None) -> None:
    length = len(body or b"")
    if written and is_chunked:
        raise _refused("header Content-Length: not beside Transfer-Encoding; leave both out")
    if not written and length and not is_chunked:
        raise _refused("header Content-Length: without it nobody knows where the body ends")
    if written and written != str(length):
        raise _refused(f"header Content-Length: the body has {length} bytes; leave it out")


def check_connection(value: str) -> None:
    """Raises RequestError if a ``Connection`` names what everybody on the way has to read: a proxy
    takes out what it names (RFC 9110, 7.6.1), and passes on a body without its end."""
    for option in _options(value):
        if option in FRAMING:
            raise _refused(f"header Connection: a proxy would take out the {option} that it names")


def closes_connection(headers: HeaderPairs) -> bool:
    """Whether a ``Connection: close`` is among them (RFC 9112, 9.6)."""
    return any("close" in _options(value) for name, value in headers if name.lower() == CONNECTION)


def _options(value: str) -> list[str]:
    return [option.strip(" \t").lower() for option in value.split(",")]


def _refused(reason: str) -> RequestError:
    return RequestError(CurlCode.BAD_FUNCTION_ARGUMENT, reason)
