"""What a finished easy handle says: a `Response`, or the error that fits."""

from __future__ import annotations

import re

import pycurl

from onehttp_backends.contract import Peer, Request, Response
from onehttp_backends.curl.handle import Handle
from onehttp_backends.errors import (
    CurlCode,
    Phase,
    Sent,
    TransferError,
    code_name,
    transfer_error,
)
from onehttp_backends.public_addresses import refused_peer

_OF_A_REFUSED_PEER = (CurlCode.COULDNT_CONNECT, CurlCode.ABORTED_BY_CALLBACK)
VERSION_NAMES = {
    pycurl.CURL_HTTP_VERSION_1_0: "1.0",
    pycurl.CURL_HTTP_VERSION_1_1: "1.1",
    pycurl.CURL_HTTP_VERSION_2_0: "2",
    pycurl.CURL_HTTP_VERSION_3: "3",
}
_RESPONSE_CODE = pycurl.RESPONSE_CODE
_QUEUE = pycurl.QUEUE_TIME_T
_LOOKUP = pycurl.NAMELOOKUP_TIME_T
_CONNECT = pycurl.CONNECT_TIME_T
_NUM_CONNECTS = pycurl.NUM_CONNECTS
_APPCONNECT = pycurl.APPCONNECT_TIME_T
_PRETRANSFER = pycurl.PRETRANSFER_TIME_T
_POSTTRANSFER = pycurl.POSTTRANSFER_TIME_T
_STARTTRANSFER = pycurl.STARTTRANSFER_TIME_T
_REDIRECT = pycurl.REDIRECT_TIME_T
_TOTAL = pycurl.TOTAL_TIME_T


def read_response(handle: Handle, request: Request, opened: int, peer: Peer) -> Response:
    """The response a handle has received; ``opened`` connections were made for it."""
    getinfo = handle.easy.getinfo
    followed = getinfo(pycurl.REDIRECT_COUNT) if handle.options.max_redirects else 0
    return Response(
        getinfo(_RESPONSE_CODE),
        handle.head.copy(),
        handle.body.getvalue(),
        getinfo(pycurl.EFFECTIVE_URL) if followed else request.url,
        VERSION_NAMES.get(getinfo(pycurl.INFO_HTTP_VERSION), "1.1"),
        (
            getinfo(_QUEUE),
            getinfo(_LOOKUP) if opened else 0,
            getinfo(_CONNECT) if opened else 0,
            getinfo(_APPCONNECT) if opened else 0,
            getinfo(_PRETRANSFER),
            getinfo(_POSTTRANSFER),
            getinfo(_STARTTRANSFER),
            getinfo(_REDIRECT) if followed else 0,
            getinfo(_TOTAL),
        ),
        peer,
        not opened,
        handle.was_truncated,
        followed,
    )


def read_error(handle: Handle, request: Request, code: int, text: str) -> TransferError:
    """The error a handle has ended with, and how far its request got."""
    phase = _phase(handle, request)
    if handle.resend_refused:
        return transfer_error(
            CurlCode.GOT_NOTHING,
            f"{_place(request)}: the kept connection ended before an answer; "
            f"{request.method} is not repeated, the server may have acted on it",
            sent=Sent.MAYBE,
            phase=Phase.FIRST_BYTE,
        )
    if handle.refused_peer and code in _OF_A_REFUSED_PEER:
        return refused_peer(_place(request), handle.refused_peer)
    if handle.head:
        sent = Sent.YES
    elif phase in (Phase.SEND, Phase.FIRST_BYTE, Phase.BODY):
        sent = Sent.MAYBE
    else:
        sent = Sent.NO
    return transfer_error(
        code, f"{_place(request)}: {text or code_name(code)}", sent=sent, phase=phase
    )


def cancelled(request: Request, reason: str, sent: Sent = Sent.MAYBE) -> TransferError:
    """The error of a transfer that was taken out of the engine."""
    return transfer_error(CurlCode.ABORTED_BY_CALLBACK, f"{_place(request)}: {reason}", sent=sent)


def _phase(handle: Handle, request: Request) -> Phase:
    # When a transfer fails libcurl stamps every phase it did not reach with the time of the
    # failure. Only the bytes sent, and the stamps of lookup and connect, can be trusted.
    getinfo = handle.easy.getinfo
    if handle.head:
        return Phase.BODY
    if getinfo(pycurl.REQUEST_SIZE) > 0:
        return Phase.FIRST_BYTE if getinfo(_POSTTRANSFER) > 0 else Phase.SEND
    # Of one that is ended from outside, connect has no stamp before TLS is done as well.
    if getinfo(_CONNECT) > 0 or getinfo(_NUM_CONNECTS) > 0:
        return Phase.TLS if request.url[:6].lower() == "https:" else Phase.CONNECT
    return Phase.CONNECT if getinfo(_LOOKUP) > 0 else Phase.LOOKUP


def _place(request: Request) -> str:
    # Path and query may hold tokens; the origin says enough to find the culprit.
    origin = re.match(r"[^:]*://[^/?#]*", request.url)
    return f"{request.method} {origin[0] if origin else 'URL'}"
