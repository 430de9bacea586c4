"""Transfers that have failed before any of their answer came, and are started again."""

from __future__ import annotations

from typing import Final

import pycurl

from onehttp_backends.contract import Request
from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.libcurl import Multi, add_once, remove_once
from onehttp_backends.curl.names.places import needs_lookup
from onehttp_backends.curl.names.waits import NameWaits
from onehttp_backends.curl.reading.phase import has_ended_by_peer, is_unsent
from onehttp_backends.curl.stream_handle import StreamHandle
from onehttp_backends.curl.stream_refusals import is_above_goaway
from onehttp_backends.errors import CurlCode
from onehttp_backends.rules.methods import SAFE_METHODS
from onehttp_backends.time_limits import total_s

_ANEW: Final = -1
FOR_THE_LAST_TIME: Final = -2


def goes_on(
    multi: Multi,
    waits: NameWaits[Transfer],
    handle: Handle,
    request: Request,
    code: int,
    text: str,
) -> bool:
    """Start a failed transfer again if that is safe, or park it until its name is resolved.

    If an exception interrupts it, it may be called again, with the result of `beginning` as code.

    Returns:
        Whether the transfer goes on; if not, its failure is final.
    """
    again = code if code < 0 else _beginning(handle, request, code, text)
    if again:
        _put_in_again(multi, handle, request, again == FOR_THE_LAST_TIME)
        return True
    if code == CurlCode.ABORTED_BY_CALLBACK:
        text = _words_of_a_stop(handle, text)
    if waits.takes(handle, request, code, text):
        return True
    if code == CurlCode.ABORTED_BY_CALLBACK and _is_nobodys_word(handle, request):
        _put_in_again(multi, handle, request, False)
        return True
    return False


def beginning(transfer: Transfer, code: int, text: str) -> int:
    """A code for `goes_on` if a failed transfer is to start again, else 0."""
    handle = transfer.handle
    if handle is None or transfer.outcome is not None:
        return 0
    return _beginning(handle, transfer.request, code, text)


def _beginning(handle: Handle, request: Request, code: int, text: str) -> int:
    if not _may_restart(handle, request, code, text):
        return 0
    return FOR_THE_LAST_TIME if handle.resend_refused else _ANEW


def _may_restart(handle: Handle, request: Request, code: int, text: str) -> bool:
    """Whether a failed transfer may be started again, once, on a new connection.

    Of streamed bodies nothing is repeated here that may have gone out: libcurl rewinds their source
    for its own repetitions only. The order of the cases matters: a handle may show the signs of
    several.
    """
    if handle.was_answered_early:  # it read bytes that cannot be its answer
        return request.method in SAFE_METHODS and request.upload is None
    if handle.was_interrupted and not handle.is_stopped:
        # A callback was ended by another caller's signal handler.
        if is_unsent(handle, request) and _is_rewound(handle):
            return True
        return request.method in SAFE_METHODS and not isinstance(handle, StreamHandle)
    if handle.head or handle.refused_peer:
        return False
    if handle.resend_refused:
        # `sending_guard` stopped libcurl's own repetition. An unsafe method may be repeated if
        # libcurl's log says that the server refused its stream of HTTP/2, twice by now: its
        # connections took some of many concurrent streams, and no more. For safe methods the log
        # is not kept, since that costs time; they may be repeated in any case. So may a request
        # of which the system took nothing, since the server had reset the connection by then.
        may_repeat = (
            request.method in SAFE_METHODS
            or bool(handle.stream_refusals)
            or is_unsent(handle, request)
        )
        return may_repeat and not handle.always_connects and request.upload is None
    if handle.always_connects:  # it has had a connection of its own already
        return False
    if is_above_goaway(code, text):  # the server says that it has not processed the stream
        return request.upload is None
    if not has_ended_by_peer(code, text):
        return False
    if request.upload is not None or handle.easy.getinfo(pycurl.NUM_CONNECTS):
        return False
    # libcurl tries five idle connections and gives up; after a restart of a server all are dead.
    # Where its own frames cannot go out (settings, pings), it gives up with the first one, even if
    # the server has told before that it would not process the stream.
    return (
        request.method in SAFE_METHODS or bool(handle.stream_refusals) or is_unsent(handle, request)
    )


def _words_of_a_stop(handle: Handle, text: str) -> str:
    """What libcurl would say of a transfer that has stopped before a name, had it not kept the
    words that it had for the end of a kept connection just before (curl 8.23)."""
    is_said = "resolving" in text or text.startswith("operation aborted by")
    if is_said or _is_ours(handle) or handle.easy.getinfo(pycurl.NUM_CONNECTS):
        return text
    return next((f"resolving {each}" for each in handle.places if needs_lookup(each.host)), text)


def _is_ours(handle: Handle) -> bool:
    """Whether a rule of ours, the body, or an interrupt has ended it."""
    sending = handle.sending if isinstance(handle, StreamHandle) else None
    is_of_body = sending is not None and bool(sending.error or sending.is_over)
    return is_of_body or handle.was_interrupted or handle.is_stopped


def _is_nobodys_word(handle: Handle, request: Request) -> bool:
    """Whether libcurl takes it for a refusal that a callback was interrupted at its first
    instruction, before anything was sent."""
    is_ours = handle.is_stopped or handle.wait is not None
    return not is_ours and is_unsent(handle, request) and _is_rewound(handle)


def _is_rewound(handle: Handle) -> bool:
    """Whether all of its body is to come again: libcurl may have taken some of it before anything
    was sent, and rewinds it for its own repetitions only."""
    sending = handle.sending if isinstance(handle, StreamHandle) else None
    return sending is None or (not (sending.error or sending.is_over) and sending.rewind())


def _put_in_again(multi: Multi, handle: Handle, request: Request, is_last: bool) -> None:
    """Start it again, with the time that is left of its limit."""
    left_s = total_s(request)
    if left_s:
        elapsed_s = handle.waited_us / 1e6 + handle.easy.getinfo(pycurl.TOTAL_TIME)
        left_s = max(0.001, left_s - elapsed_s)
    handle.was_interrupted = False
    if handle.head:
        handle.forget_answer()
    if handle.hops:
        handle.hops.begin(request.url)
    handle.connect_anew(left_s)
    if is_last:
        handle.may_not_be_repeated()
    remove_once(multi, handle.easy)
    add_once(multi, handle.easy)
