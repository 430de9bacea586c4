"""What a proxy answers to ``CONNECT``, judged as by libcurl: one answer, and nothing after it."""

from __future__ import annotations

import re
from typing import Final

from onehttp_backends.errors import CurlCode, Phase, ProxyError, TLSError, TransferError

_head: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3}).*?\n\r?\n", re.DOTALL).match

_RECORD_BYTES: Final = 5
"""A TLS record cannot be told from anything else by fewer bytes."""


def fault_of_tunnel(answer: bytes, place: str) -> TransferError | None:
    """What is wrong with a tunnel that the library below believes to be open; None: nothing.

    The library reads on after an interim answer, and drops the bytes that follow the head, so that
    the handshake would wait for bytes that have come already.
    """
    found = _head(answer)
    if found is None:
        return None
    if found[1].startswith(b"1"):
        status = found[1].decode("ascii")
        message = f"{place}: CONNECT tunnel failed, response {status}"
        return ProxyError(CurlCode.COULDNT_CONNECT, message)
    if len(answer) - found.end() >= _RECORD_BYTES:
        message = f"{place}: what comes behind the proxy's answer is no TLS"
        return TLSError(CurlCode.SSL_CONNECT_ERROR, message, phase=Phase.TLS)
    return None
