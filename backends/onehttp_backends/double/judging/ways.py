"""What a proxy says to ``CONNECT``, as libcurl judges it: one answer, and nothing behind it."""

from __future__ import annotations

import re
from typing import Final

from onehttp_backends.errors import CurlCode, Phase, ProxyError, TLSError, TransferError

_head: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3}).*?\n\r?\n", re.DOTALL).match

_RECORD_BYTES: Final = 5
"""Of the beginning of a TLS record: nobody sees in less what it is."""


def fault_of_way(said: bytes, place: str) -> TransferError | None:
    """What is wrong with a way that the library below takes for open.

    It reads on behind an interim answer, and lets go of what stands behind the head: the handshake
    would wait for what has come.
    """
    found = _head(said)
    if found is None:
        return None
    if found[1].startswith(b"1"):
        status = found[1].decode("ascii")
        message = f"{place}: CONNECT tunnel failed, response {status}"
        return ProxyError(CurlCode.COULDNT_CONNECT, message)
    if len(said) - found.end() >= _RECORD_BYTES:
        message = f"{place}: what comes behind the proxy's answer is no TLS"
        return TLSError(CurlCode.SSL_CONNECT_ERROR, message, phase=Phase.TLS)
    return None
