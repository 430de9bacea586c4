"""A transfer that is put in again before anything has come of it."""

from __future__ import annotations

import pycurl

from onehttp_backends.contract import Request
from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.libcurl import Multi, add_once, remove_once
from onehttp_backends.curl.names.waits import NameWaits
from onehttp_backends.curl.reading.phase import has_ended_by_peer
from onehttp_backends.curl.stream_refusals import is_above_goaway
from onehttp_backends.rules.methods import SAFE_METHODS
from onehttp_backends.time_limits import total_s


def goes_on(
    multi: Multi,
    waits: NameWaits[Transfer],
    handle: Handle,
    request: Request,
    code: int,
    text: str,
) -> bool:
    """Whether a transfer that has failed begins once more: it has, or is parked for a name."""
    if _may_begin_anew(handle, request, code, text):
        _begin_anew(multi, handle, request)
        return True
    return waits.takes(handle, request, code, text)


def _may_begin_anew(handle: Handle, request: Request, code: int, text: str) -> bool:
    """Whether a transfer may be put in again, for a connection of its own.

    One that met only dead connections: libcurl tries five idle ones and gives up; when a server
    restarts, all are dead. Only what may be repeated is, and once. And one whose callback was
    ended by an exception that somebody else's signal handler raised, if nothing was sent. And one
    whose stream the server has refused twice: its connections took some of a crowd, and no more; or
    once, by a GOAWAY with an error. And one to which came what cannot be its answer.
    """
    if handle.was_answered_early:
        return request.method in SAFE_METHODS and request.upload is None
    if handle.head or handle.refused_peer:
        return False
    if handle.resend_refused:
        # Of safe methods the log is not read, which costs something: they may be repeated anyway.
        may_repeat = request.method in SAFE_METHODS or bool(handle.stream_refusals)
        # What a body is read from, libcurl rewinds for its own repetitions alone.
        return may_repeat and not handle.always_connects and request.upload is None
    if handle.was_interrupted:
        return not handle.easy.getinfo(pycurl.REQUEST_SIZE)
    if handle.always_connects:
        return False
    if is_above_goaway(code, text):
        return request.upload is None
    if not has_ended_by_peer(code, text):
        return False
    return request.method in SAFE_METHODS and not handle.easy.getinfo(pycurl.NUM_CONNECTS)


def _begin_anew(multi: Multi, handle: Handle, request: Request) -> None:
    """Put it in again, for what is left of its time."""
    left_s = total_s(request)
    if left_s:
        elapsed_s = handle.waited_us / 1e6 + handle.easy.getinfo(pycurl.TOTAL_TIME)
        left_s = max(0.001, left_s - elapsed_s)
    handle.was_interrupted = False
    was_refused = handle.resend_refused
    handle.connect_anew(left_s)
    if was_refused:
        handle.may_not_be_repeated()
    remove_once(multi, handle.easy)
    add_once(multi, handle.easy)
