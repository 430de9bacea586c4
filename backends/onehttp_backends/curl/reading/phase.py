"""How far a transfer got that gave no response, of what libcurl can be believed to say.

When a transfer fails libcurl stamps every phase that it did not reach with the time of the
failure. Only the bytes sent, the stamps of lookup and connect, and whether TLS was begun can be
trusted.
"""

from __future__ import annotations

from typing import Final

import pycurl

from onehttp_backends.contract import Proxy, Request
from onehttp_backends.curl.handle import Handle
from onehttp_backends.errors import CurlCode, Phase, TLSError, transfer_error

_OF_THE_SYSTEM: Final = ("Send failure", "Recv failure")
_ENDED_BY_PEER: Final = (CurlCode.GOT_NOTHING, CurlCode.SEND_ERROR, CurlCode.RECV_ERROR)
_SMALL_BYTES: Final = 8 * 1024
"""Of what is known of a request: with the rest of its head it fits into 16 KiB, a record of TLS."""
_LOOKUP: Final = pycurl.NAMELOOKUP_TIME_T
_CONNECT: Final = pycurl.CONNECT_TIME_T
_POSTTRANSFER: Final = pycurl.POSTTRANSFER_TIME_T
_NUM_CONNECTS: Final = pycurl.NUM_CONNECTS
_USED_PROXY: Final = getattr(pycurl, "USED_PROXY", 0)


def phase_of(handle: Handle, request: Request, code: int) -> Phase:
    """The phase in which a transfer has ended with ``code``."""
    getinfo = handle.easy.getinfo
    if handle.head:
        return Phase.BODY
    if handle.held_back:
        return Phase.QUEUE
    if getinfo(pycurl.REQUEST_SIZE) > 0:
        return Phase.FIRST_BYTE if getinfo(_POSTTRANSFER) > 0 else Phase.SEND
    if handle.has_begun_sending and not (handle.handshake and handle.handshake.is_pending):
        return Phase.SEND
    if code == CurlCode.TOO_LARGE and not is_of_proxys_answer(handle):
        return Phase.QUEUE  # a request that libcurl does not begin to send
    # Of one that is ended from outside, connect has no stamp before TLS is done as well.
    is_connected = getinfo(_CONNECT) > 0 or getinfo(_NUM_CONNECTS) > 0
    if not is_connected and getinfo(_LOOKUP) <= 0:
        return Phase.LOOKUP
    is_tls = request.url[:6].lower() == "https:"
    proxy = handle.options.proxy
    if proxy is not None and (getinfo(_USED_PROXY) if _USED_PROXY else proxy.url):
        return Phase.TLS if is_tls and _is_through(handle, proxy, code) else Phase.PROXY
    return Phase.TLS if is_tls and is_connected else Phase.CONNECT


def is_unsent(handle: Handle, request: Request) -> bool:
    """Whether nothing of the request has gone out that a server could have read.

    libcurl counts what the system has taken; over TLS and HTTP/2 what these have taken whole, and
    that is up to 64 KiB at a time. They divide it into records and frames, of which the first ones
    may have arrived when a later one fails. A request that fits into one is read whole or not at
    all.
    """
    if handle.was_sent or handle.easy.getinfo(pycurl.REQUEST_SIZE):
        return False
    is_counted = handle.shelf.is_http1 and not handle.is_wrapped
    return is_counted or not handle.has_begun_sending or _is_small(request)


def _is_small(request: Request) -> bool:
    auth = request.options.auth
    size = len(request.url) + len(request.body or b"")
    size += sum(len(name) + len(value) for name, value in request.headers)
    size += 2 * (len(auth.username) + len(auth.secret)) if auth else 0
    return request.upload is None and size <= _SMALL_BYTES


def has_begun_tls(handle: Handle) -> bool:
    """Whether libcurl has begun to shake hands with the server since the handle was made, and has
    not believed its certificate (yet): the result is an error from the first step on (curl 8.23,
    OpenSSL), 0 before it and after a good end."""
    return bool(handle.easy.getinfo(pycurl.SSL_VERIFYRESULT))


def is_of_proxys_answer(handle: Handle) -> bool:
    """Whether a proxy has answered, and TLS through it was not begun. What is wrong then is wrong
    with that answer, whatever libcurl's code means elsewhere."""
    return bool(handle.easy.getinfo(pycurl.HTTP_CONNECTCODE)) and not has_begun_tls(handle)


def has_ended_by_peer(code: int, text: str) -> bool:
    """Whether the other side has closed the connection. Of one that spoke HTTP/2 libcurl has code
    16, and what the system says or nothing."""
    is_of_http2 = code == CurlCode.HTTP2 and (not text or text.startswith(_OF_THE_SYSTEM))
    return code in _ENDED_BY_PEER or is_of_http2


def _is_through(handle: Handle, proxy: Proxy, code: int) -> bool:
    """Whether the proxy has done its part, and the server's TLS is spoken."""
    if has_begun_tls(handle) or (handle.handshake is not None and handle.handshake.has_ended):
        return True
    # Other libraries than OpenSSL do not tell, unless TLS has failed.
    is_of_proxy = (proxy.url or "").lower().startswith("https:") and not handle.easy.getinfo(
        pycurl.HTTP_CONNECTCODE
    )
    return not is_of_proxy and isinstance(transfer_error(code, ""), TLSError)
