"""The outcome of a finished easy handle: a `Response`, or the error that fits."""

from __future__ import annotations

import errno
import os
import weakref
from typing import Final

import pycurl

from onehttp_backends.certificates.refusal import REFUSED
from onehttp_backends.codings.stages import CodingError
from onehttp_backends.contract import Request, Response
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.names.places import place_of
from onehttp_backends.curl.reading.heads import fault_of_head
from onehttp_backends.curl.reading.phase import (
    has_ended_by_peer,
    is_of_proxys_answer,
    is_unsent,
    phase_of,
)
from onehttp_backends.curl.receiving.facts import TIMES_OF_ANY, peer_of
from onehttp_backends.curl.receiving.switching import switched
from onehttp_backends.curl.stream_refusals import is_above_goaway
from onehttp_backends.curl.tls.handshake import NOT_NAMED, Handshake
from onehttp_backends.errors import (
    ClientCertificateError,
    CurlCode,
    Phase,
    ProxyError,
    Sent,
    TLSError,
    TransferError,
    answer_error,
    code_name,
    transfer_error,
)
from onehttp_backends.response import Facts, new_response
from onehttp_backends.rules.credentials import DIGEST
from onehttp_backends.rules.public_addresses import refused_peer
from onehttp_backends.rules.status_lines import StatusLine
from onehttp_backends.shown import (
    ENDLESS_CHALLENGES,
    coding_error,
    shown,
    too_large,
    too_long_for_digest,
)

_OF_LOOKUP = (
    CurlCode.COULDNT_RESOLVE_PROXY,
    CurlCode.COULDNT_RESOLVE_HOST,
    CurlCode.ABORTED_BY_CALLBACK,
)
_OF_A_REFUSED_PEER = (CurlCode.COULDNT_CONNECT, CurlCode.ABORTED_BY_CALLBACK)
_OF_A_REFUSAL = (
    CurlCode.SSL_CONNECT_ERROR,
    CurlCode.PEER_FAILED_VERIFICATION,
    CurlCode.GOT_NOTHING,
    CurlCode.SEND_ERROR,
    CurlCode.RECV_ERROR,
    CurlCode.HTTP2,
)
_OF_A_PROXYS_ANSWER = (CurlCode.BAD_FUNCTION_ARGUMENT, CurlCode.TOO_LARGE)
"""libcurl's codes for a proxy's response with fields that lack a colon, or with too many."""
VERSION_NAMES = {
    pycurl.CURL_HTTP_VERSION_1_0: "1.0",
    pycurl.CURL_HTTP_VERSION_1_1: "1.1",
    pycurl.CURL_HTTP_VERSION_2_0: "2",
    pycurl.CURL_HTTP_VERSION_3: "3",
}
_RESPONSE_CODE: Final = pycurl.RESPONSE_CODE
_REDIRECT: Final = pycurl.REDIRECT_TIME_T
_UNTIL_CONNECTED = (pycurl.NAMELOOKUP_TIME_T, pycurl.CONNECT_TIME_T, pycurl.APPCONNECT_TIME_T)


def read_response(
    handle: Handle, opened: int, head: list[bytes], line: StatusLine | None = None
) -> Response:
    """The response a handle has received; ``opened`` connections were made for it, and libcurl is
    asked what ``line`` says where it is not known. ``head`` becomes the response's."""
    getinfo, decoding = handle.getinfo, handle.decoding
    followed = getinfo(pycurl.REDIRECT_COUNT) if handle.options.max_redirects else 0
    if line is None:
        version = VERSION_NAMES.get(getinfo(pycurl.INFO_HTTP_VERSION), "1.1")
        line = StatusLine(getinfo(_RESPONSE_CODE), version)
    is_whole = opened or followed or handle.waited_us
    response = new_response(
        line[0],
        line[1],
        head,
        handle.body.getvalue(),
        getinfo(pycurl.EFFECTIVE_URL) if followed else handle.asked_url,
        _all_facts(handle, opened, followed) if is_whole else handle,
        not opened,
        handle.was_truncated,
        followed,
        decoding is not None and decoding.takes_off,
    )
    if not is_whole:
        if handle.unread_by is not None:  # the answer of a stream is read for its head, too
            handle.settle()
        handle.unread_by = weakref.ref(response)
    return response


def fault_of(handle: Handle, request: Request) -> TransferError | None:
    """The fault of a response that libcurl has accepted as complete."""
    if handle.shelf.status_lines.of_only_head(handle.head) is None and (
        error := _head_error(handle, request)
    ):
        return error
    if handle.decoding and not handle.was_truncated:
        handle.decoding.finish()
        if handle.decoding.fault:
            return _decoding_error(request, handle.decoding.fault)
    return None


def _head_error(handle: Handle, request: Request) -> TransferError | None:
    if not (fault := fault_of_head(handle)):
        return None
    code, text = fault
    is_begun = bool(handle.head) and handle.shelf.status_lines.begin_with(handle.head[0])
    sent, phase = (Sent.YES, Phase.BODY) if is_begun else (Sent.MAYBE, Phase.FIRST_BYTE)
    return answer_error(code, f"{shown(request)}: {text}", sent=sent, phase=phase)


def _decoding_error(request: Request, fault: CodingError | CurlCode) -> TransferError:
    return coding_error(request, fault) if isinstance(fault, CodingError) else too_large(request)


def read_error(handle: Handle, request: Request, code: int, text: str) -> TransferError:
    """The error a handle has ended with, and how far its request got."""
    wait = handle.wait
    if wait and (wait.is_parked or (code in _OF_LOOKUP and not handle.is_stopped)):
        return _lookup_error(handle, request, code, text)
    error = _head_error(handle, request) if handle.head else None
    # Of a head that is cut short libcurl speaks of the body that it has announced so far.
    if error and (error.code == CurlCode.UNSUPPORTED_PROTOCOL or code == CurlCode.PARTIAL_FILE):
        return error
    phase = phase_of(handle, request, code)
    if known := _error_of_its_own(handle, request, code, text):
        return known
    if code == CurlCode.HTTP2 and has_ended_by_peer(code, text):
        code, text = CurlCode.RECV_ERROR, text or "the connection has ended"
    if code in (CurlCode.SEND_ERROR, CurlCode.RECV_ERROR) and phase is Phase.CONNECT:
        code = CurlCode.COULDNT_CONNECT  # of QUIC, whose first datagram was refused
    if code == CurlCode.BAD_FUNCTION_ARGUMENT and phase is Phase.TLS:
        code = CurlCode.SSL_CERTPROBLEM  # as libcurl 7.88 has it: an unusable key
    sent = _sent(handle, request)
    if code == CurlCode.TOO_MANY_REDIRECTS and not request.options.max_redirects:
        text = ENDLESS_CHALLENGES
    auth = request.options.auth
    if code == CurlCode.OUT_OF_MEMORY and not text and auth and auth.schemes & DIGEST:
        return too_long_for_digest(sent, f"{shown(request)}: ")
    if code in _OF_A_PROXYS_ANSWER and phase is Phase.PROXY and is_of_proxys_answer(handle):
        return ProxyError(code, f"{shown(request)}: {text or code_name(code)}")
    if code == CurlCode.FILESIZE_EXCEEDED and request.options.max_body_bytes:
        return too_large(request)
    if code == CurlCode.COULDNT_CONNECT and not request.options.as_libcurl:
        text += _of_the_system(handle.easy.getinfo(pycurl.OS_ERRNO))
    # After a redirect that libcurl has followed it may be that URL which is refused.
    is_of_request = sent is Sent.NO or (handle.head and handle.options.max_redirects)
    made = transfer_error if is_of_request else answer_error
    return made(code, f"{shown(request)}: {text or code_name(code)}", sent=sent, phase=phase)


def _error_of_its_own(
    handle: Handle, request: Request, code: int, text: str
) -> TransferError | None:
    """The error of a transfer that was ended here, or by a word of the server that libcurl has no
    code for."""
    if handle.resend_refused or handle.was_answered_early:
        return _not_repeated(handle, request)
    if not handle.head and is_above_goaway(code, text):
        return _refused(request, f" ({text})")
    if code == CurlCode.SEND_FAIL_REWIND and handle.stream_refusals and not handle.head:
        return _refused(request)
    if handle.was_interrupted and code == CurlCode.ABORTED_BY_CALLBACK:
        return _cut_short(handle, request)
    if handle.has_switched:
        return switched(request)
    if handle.decoding and handle.decoding.fault:
        return _decoding_error(request, handle.decoding.fault)
    if handle.refused_peer and code in _OF_A_REFUSED_PEER:
        return refused_peer(shown(request), handle.refused_peer)
    if handle.handshake and not handle.head:
        return _tls_refusal(handle, handle.handshake, request, code, text)
    return None


def _sent(handle: Handle, request: Request) -> Sent:
    """How far the request of a failed transfer got, on whatever connection: libcurl may have failed
    to make another, to send it once more."""
    if handle.head:
        return Sent.YES
    if handle.held_back:  # libcurl's counts are of an earlier request, or of one that was refused
        return Sent.MAYBE if handle.was_sent else Sent.NO
    is_undone = bool(handle.stream_refusals) or is_unsent(handle, request)
    return Sent.NO if is_undone else Sent.MAYBE


def _not_repeated(handle: Handle, request: Request) -> TransferError:
    """The error of a request that libcurl would have sent once more."""
    if handle.head:
        return _refused_late(request)
    if handle.stream_refusals:
        return _refused(request)
    if not handle.was_answered_early and is_unsent(handle, request):
        return transfer_error(
            CurlCode.SEND_ERROR,
            f"{shown(request)}: the connection ended before anything of the request was sent",
            sent=Sent.NO,
            phase=Phase.SEND,
        )
    happened = "an answer came before the request had arrived"
    if not handle.was_answered_early:
        happened = "the connection ended before an answer"
    return transfer_error(
        CurlCode.GOT_NOTHING,
        f"{shown(request)}: {happened}; "
        f"{request.method} is not repeated, the server may have acted on it",
        sent=Sent.MAYBE,
        phase=Phase.FIRST_BYTE,
    )


def _cut_short(handle: Handle, request: Request) -> TransferError:
    """The error of a request whose sending, or answer, another caller's exception has met."""
    return transfer_error(
        CurlCode.SEND_ERROR if not handle.head else CurlCode.RECV_ERROR,
        f"{shown(request)}: it was cut short by an exception of another caller, who drove",
        sent=_sent(handle, request),
        phase=phase_of(handle, request, CurlCode.ABORTED_BY_CALLBACK),
    )


def _refused_late(request: Request) -> TransferError:
    return transfer_error(
        CurlCode.RECV_ERROR,
        f"{shown(request)}: the server has refused the stream when it had begun to answer",
        sent=Sent.YES,
        phase=Phase.BODY,
    )


def _refused(request: Request, said: str = "") -> TransferError:
    return transfer_error(
        CurlCode.RECV_ERROR,
        f"{shown(request)}: the server has refused each stream, and done nothing of it{said}",
        sent=Sent.NO,
        phase=Phase.FIRST_BYTE,
    )


def _of_the_system(number: int) -> str:
    """The system's words for a failed connect, if libcurl has none."""
    return f" ({os.strerror(number)})" if number not in (0, errno.ECONNREFUSED) else ""


def _tls_refusal(
    handle: Handle, handshake: Handshake, request: Request, code: int, text: str
) -> TLSError | None:
    """The error of a handshake that one side did not like in the end."""
    place = shown(request)
    if handshake.refusal == NOT_NAMED:
        sent = _sent(handle, request)
        return TLSError(CurlCode.PEER_FAILED_VERIFICATION, f"{place}: {NOT_NAMED}", sent=sent)
    if handshake.refusal or (code in _OF_A_REFUSAL and handshake.is_refusal(text)):
        code = CurlCode.SSL_CLIENTCERT if handshake.refusal else code
        sent = Sent.NO if handshake.is_new else Sent.MAYBE
        said = f" ({text})" if text and not handshake.refusal else ""
        return ClientCertificateError(code, f"{place}: {REFUSED}{said}", sent=sent)
    return None


def _lookup_error(handle: Handle, request: Request, code: int, text: str) -> TransferError:
    """The error of a transfer that has stopped before a name; its handle describes an earlier
    attempt."""
    wait = handle.wait
    assert wait is not None
    if code in _OF_LOOKUP:
        url_place = place_of(request.url)
        is_host = url_place is None or url_place.host == wait.place.host or bool(handle.head)
        code = CurlCode.COULDNT_RESOLVE_HOST if is_host else CurlCode.COULDNT_RESOLVE_PROXY
        reason = f" ({wait.answer.reason})" if wait.answer else ""
        text = f"Could not resolve {'host' if is_host else 'proxy'}: {wait.place.host}{reason}"
    sent = _sent(handle, request)
    return transfer_error(code, f"{shown(request)}: {text}", sent=sent, phase=Phase.LOOKUP)


def _all_facts(handle: Handle, opened: int, followed: int) -> Facts:
    peer = peer_of(handle.getinfo, handle.options.unix_socket)
    return _whole(handle, opened, followed), peer


def _whole(handle: Handle, opened: int, followed: int) -> tuple[int, ...]:
    """All times of a transfer, with those of phases that a kept connection does not have."""
    getinfo = handle.getinfo
    queue_us, *later = map(getinfo, TIMES_OF_ANY)
    until_connected = map(getinfo, _UNTIL_CONNECTED) if opened else (0, 0, 0)
    total_us = later.pop()
    whole = (queue_us, *until_connected, *later, getinfo(_REDIRECT) if followed else 0, total_us)
    return _after_lookup(whole, handle.waited_us) if handle.waited_us else whole


def _after_lookup(timings: tuple[int, ...], waited_us: int) -> tuple[int, ...]:
    """The times of a transfer that began again after a lookup, counted from its first beginning.

    The time between counts as lookup. Phases that were not reached stay 0.
    """
    queue_us, lookup_us, *later = timings
    has_connected = later[0] > 0
    lookup_us = lookup_us + waited_us if has_connected else 0
    return (queue_us, lookup_us, *(us and us + waited_us for us in later))


def cancelled(request: Request, reason: str, sent: Sent = Sent.MAYBE) -> TransferError:
    """The error of a transfer that was taken out of the engine."""
    return transfer_error(CurlCode.ABORTED_BY_CALLBACK, f"{shown(request)}: {reason}", sent=sent)
