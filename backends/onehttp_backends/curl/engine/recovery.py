"""Picks up what an exception has cut off, and makes libcurl report sockets again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import pycurl

from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.libcurl import Multi, add_once, is_in_multi, remove_once
from onehttp_backends.curl.names.waits import NameWaits
from onehttp_backends.curl.sockets import SocketWatch

_ACTIVE_SOCKET: Final = pycurl.ACTIVESOCKET


def tell_of(handle: Handle, watch: SocketWatch) -> bool:
    """Tell about the socket of a transfer that runs. False: it has ended, and will be reaped."""
    # Pausing and resuming makes libcurl look at it again, in the turn that follows, and tell.
    easy = handle.easy
    watch.note_busy(easy.getinfo(_ACTIVE_SOCKET))
    try:
        easy.pause(pycurl.PAUSE_RECV)
        easy.pause(handle.pause_bits)
    except pycurl.error:
        return False
    return True


def tell_of_all(multi: Multi, running: Iterable[Transfer], watch: SocketWatch) -> None:
    """Tell about every socket, since some of it was missed."""
    watch.assume_nothing()
    for transfer in list(running):
        handle = transfer.handle
        if handle is None or handle.is_parked:
            continue
        fd = handle.easy.getinfo(_ACTIVE_SOCKET)
        if fd >= 0:
            watch.adopt(fd)
            tell_of(handle, watch)
        else:  # not connected: nothing is lost by beginning anew
            remove_once(multi, handle.easy)
            begin_again(multi, transfer, handle)


def pick_up(
    multi: Multi,
    waits: NameWaits[Transfer],
    running: Iterable[Transfer],
    end: Callable[[Transfer, None], None],
) -> None:
    """Go on with what an exception has cut off: an end, a wait, a new beginning."""
    for transfer in running:
        handle = transfer.handle
        if handle is None or transfer.outcome is not None:
            end(transfer, None)
        elif handle.held_back:  # see `Http2StreamQueue.count_anew`
            continue
        elif handle.is_parked:
            if not waits.holds(transfer):
                waits.park(transfer)
        elif not is_in_multi(handle.easy):
            # Taken out to be put in again, which is done as long as nothing was sent.
            begin_again(multi, transfer, handle)


def begin_again(multi: Multi, transfer: Transfer, handle: Handle) -> None:
    """Put in again what was taken out: libcurl counts its time from now on, we from its begin."""
    handle.note_sent()
    handle.limit_to(transfer.left_s())
    add_once(multi, handle.easy)
