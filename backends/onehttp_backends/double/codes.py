"""The exceptions of httpx as error numbers of libcurl."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import ssl
from typing import Final

import h11
from h2.exceptions import H2Error
from socksio.exceptions import SOCKSError

from onehttp_backends.certificates.refusal import REFUSED, is_of_a_certificate
from onehttp_backends.double.judging.http2_ends import code_of_http2
from onehttp_backends.double.library import httpx
from onehttp_backends.double.progress import ExchangeProgress
from onehttp_backends.errors import (
    ClientCertificateError,
    CurlCode,
    Phase,
    Sent,
    TransferError,
    answer_error,
    transfer_error,
)

FAULTS: Final = (
    *(httpx.HTTPError, httpx.InvalidURL, OSError, asyncio.TimeoutError),
    h11.LocalProtocolError,  # a caller's Content-Length that is not the body's
    *(SOCKSError, H2Error),  # a proxy's and a server's, which httpcore lets through
    ValueError,  # of a `:status` that is no number
)
"""The exceptions that a transfer over httpx may end with."""
_quoted = re.compile(r":?(?:^|\s)\(?(?:bytearray\()?b?['\"].*", re.DOTALL)
_OF_LOOKUP: Final = (CurlCode.COULDNT_RESOLVE_PROXY, CurlCode.COULDNT_RESOLVE_HOST)


def error_of(
    error: Exception, progress: ExchangeProgress, place: str, text: str = ""
) -> TransferError:
    """The `TransferError` that libcurl would have ended with; ``text`` says it better."""
    code = _code(error, progress)
    text = text or str(error) or type(error).__name__
    is_waiting = progress.phase in (Phase.TLS, Phase.SEND, Phase.FIRST_BYTE)
    if is_waiting and (progress.was_refused or _is_of_a_certificate(error)):
        sent = Sent.NO if progress.opened else Sent.MAYBE
        return ClientCertificateError(code, f"{place}: {REFUSED} ({text})", sent=sent)
    # What the library did wrong itself, once all was sent, it was led to.
    of_answer = (httpx.RemoteProtocolError, httpx.LocalProtocolError, H2Error, ValueError)
    is_of_answer = isinstance(error, of_answer) and progress.phase in (Phase.FIRST_BYTE, Phase.BODY)
    is_of_answer |= isinstance(error, (httpx.RemoteProtocolError, H2Error))
    if is_of_answer:  # h11 and h2 quote what has come, which may be a part of a body or a cookie
        text = _quoted.sub("", text) or type(error).__name__
    made = answer_error if is_of_answer else transfer_error
    phase = Phase.LOOKUP if code in _OF_LOOKUP else progress.reached
    return made(code, f"{place}: {text}", sent=progress.sent, phase=phase)


def _is_of_a_certificate(error: Exception) -> bool:
    cause = _root(error)
    return isinstance(cause, ssl.SSLError) and is_of_a_certificate(str(cause))


def _code(error: Exception, progress: ExchangeProgress) -> int:
    cause = _root(error)
    if isinstance(error, (httpx.TimeoutException, TimeoutError, asyncio.TimeoutError)):
        return CurlCode.OPERATION_TIMEDOUT
    if isinstance(cause, socket.gaierror) or isinstance(error, httpx.InvalidURL):
        # Its URL has been checked, all but whether its host can be one: libcurl looks it up.
        is_proxys = progress.phase is Phase.PROXY
        return CurlCode.COULDNT_RESOLVE_PROXY if is_proxys else CurlCode.COULDNT_RESOLVE_HOST
    if isinstance(cause, ssl.SSLCertVerificationError):
        return CurlCode.PEER_FAILED_VERIFICATION
    if (code := code_of_http2(error, progress.is_answered, progress.has_http2_body)) is not None:
        return code
    if isinstance(error, ValueError):
        return CurlCode.HTTP2_STREAM
    if isinstance(error, h11.LocalProtocolError):
        return CurlCode.BAD_FUNCTION_ARGUMENT
    if isinstance(error, httpx.UnsupportedProtocol):
        return CurlCode.UNSUPPORTED_PROTOCOL
    if isinstance(error, httpx.DecodingError):
        return CurlCode.BAD_CONTENT_ENCODING
    if progress.is_socks and progress.phase is Phase.PROXY:
        is_refused = isinstance(cause, ConnectionRefusedError)
        return CurlCode.COULDNT_CONNECT if is_refused else CurlCode.PROXY
    if isinstance(error, httpx.ProxyError):
        return CurlCode.COULDNT_CONNECT
    if isinstance(error, httpx.ConnectError):
        return _connect_code(cause, progress)
    if isinstance(error, (httpx.RemoteProtocolError, httpx.LocalProtocolError)):
        return _protocol_code(str(error), progress)
    if isinstance(error, httpx.WriteError):
        return CurlCode.SEND_ERROR
    return CurlCode.RECV_ERROR


def _connect_code(cause: BaseException, progress: ExchangeProgress) -> int:
    if isinstance(cause, ssl.SSLError) or progress.phase is Phase.TLS:
        return CurlCode.SSL_CONNECT_ERROR
    if isinstance(cause, OSError) and cause.errno == errno.EADDRNOTAVAIL:
        return CurlCode.INTERFACE_FAILED
    return CurlCode.COULDNT_CONNECT


def _protocol_code(text: str, progress: ExchangeProgress) -> int:
    lowered = text.lower()
    if progress.phase is Phase.PROXY:
        return CurlCode.RECV_ERROR
    if "without sending a response" in lowered:
        # libcurl takes the rest for HTTP/0.9, and refuses that.
        return CurlCode.GOT_NOTHING if progress.begins_as_http else CurlCode.UNSUPPORTED_PROTOCOL
    if "incomplete" in lowered or "peer closed connection" in lowered:
        # libcurl tells a head cut short (52 or 56) from a body cut short (18).
        return CurlCode.PARTIAL_FILE if progress.is_answered else CurlCode.RECV_ERROR
    if progress.is_answered:
        return CurlCode.RECV_ERROR
    if "illegal status line" in lowered or "status_code" in lowered or not progress.begins_as_http:
        return CurlCode.UNSUPPORTED_PROTOCOL
    return CurlCode.WEIRD_SERVER_REPLY


def _root(error: BaseException) -> BaseException:
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        deeper = error.__cause__ or error.__context__
        if deeper is None:
            break
        error = deeper
    return error
