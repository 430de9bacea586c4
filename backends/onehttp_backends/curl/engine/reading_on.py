"""The shortest turn there is, for one streamed body while nothing else is in flight.

A reader that is as fast as its server comes back some 10,000 times a GiB, after a sleep each time,
which leaves no cache warm. Most of a whole turn looks for what cannot be there: names, other
transfers, those that have ended. A short turn looks at the socket alone. Any other event is left to
a whole turn, which finds it again, because epoll reports a state and not a change.
"""

from __future__ import annotations

import contextlib
import select
import time
from typing import TYPE_CHECKING, Final

import pycurl

from onehttp_backends.bodies.upload import Sending
from onehttp_backends.curl.stream_handle import StreamHandle

if TYPE_CHECKING:
    from onehttp_backends.curl.engine.engine import Engine

LONGEST_WAIT_S: Final = 0.02
"""If the socket is silent for longer, a whole turn costs nothing that matters."""
LAPS: Final = 8
"""How often is sent from what is there before a whole turn or its caller may look at anything
else."""


def reads_on(engine: Engine, handle: StreamHandle) -> None:
    """Let libcurl read once more for ``handle``, if nothing else is to be done. Owner only."""
    if _is_alone(engine, handle):
        _goes_on(engine, handle.lone_fd, select.EPOLLIN)


def sends_on(engine: Engine, handle: StreamHandle) -> bool:
    """Let libcurl send a few times for ``handle``; False if a whole turn is needed instead."""
    fd, sending = handle.sending_fd, handle.sending
    # Once libcurl has all of the body, it waits for the response. The socket is ready for more all
    # that time, so a short turn would never sleep. While it is paused, it asks for no event.
    if fd < 0 or sending is None or sending.is_given or sending.is_starved:
        return False
    if not _is_alone(engine, handle):
        return False
    return _goes_on(engine, fd, select.EPOLLOUT, LAPS, sending)


def sends_at_once(engine: Engine, handle: StreamHandle) -> None:
    """Let libcurl send what ``handle`` has and the socket takes now, also if it was paused because
    the source had nothing. Does not wait."""
    sending = handle.sending
    if sending is None or not _is_alone(engine, handle):
        return
    if sending.has_more_again:
        sending.has_paused = False
        if handle.sending_fd < 0:
            engine.streams.go_on(engine.running[handle.easy])
        else:
            with contextlib.suppress(pycurl.error):  # it has ended
                handle.go_on()
    if handle.sending_fd < 0 or sending.wants_more:
        return
    watch, ownership, taken = engine.watch, engine.ownership, -1
    ownership.turns += 1
    # Nobody need ask whether the socket is ready: libcurl finds out.
    while sending.taken != taken and not ownership.is_gone:  # it is, if a signal handler has forked
        taken = sending.taken
        if not _performs(engine):
            break
        if sending.wants_more:
            break
    if watch.may_share:
        engine.second_looks.note([(handle.sending_fd, select.EPOLLOUT)])


def sends_ahead(engine: Engine) -> None:
    """`sends_at_once` for the only transfer there is, if it sends a body."""
    if engine.streams.open and (handle := engine.streams.lone()):
        sends_at_once(engine, handle)


def is_fed(engine: Engine) -> bool:
    """Whether libcurl can do nothing but ask in vain for the body of the only transfer."""
    handle = engine.streams.lone() if engine.streams.open else None
    return (
        handle is not None
        and handle.sending is not None
        and handle.sending.wants_more
        and _is_alone(engine, handle)
    )


def _goes_on(
    engine: Engine,
    fd: int,
    event: int,
    laps: int = 1,
    sending: Sending | None = None,
) -> bool:
    watch, ownership = engine.watch, engine.ownership
    taken = -1
    for _ in range(laps):
        # If the socket is ready there is no wait, so neither libcurl's timers nor wake-ups matter.
        # While it takes all there is, nobody need ask.
        asks = sending is None or taken in (-1, sending.taken)
        if asks and not (watch.is_ready(fd, event, 0) or _waits(engine, fd, event, LONGEST_WAIT_S)):
            return False
        taken = sending.taken if sending is not None else -1
        if ownership.is_gone:  # a signal handler has forked
            return False
        # This reads half as much as `socket_action` would: what fits into the CPU's caches.
        if not _performs(engine):
            break
        if sending is not None and sending.wants_more:
            break  # the source has to be asked in between
    if watch.may_share:
        engine.second_looks.note([(fd, event)])
    ownership.turns += 1
    return True


def _performs(engine: Engine) -> bool:
    """Have libcurl do what it can; False if the transfer is over, or is not the only one now."""
    _, running = engine.multi.perform()
    if running != 1:
        engine.reap()
    watch = engine.watch
    if watch.raised:
        raise watch.raised.pop()
    return running == 1 and not (engine.inbox or watch.reports.is_incomplete)


def _waits(engine: Engine, fd: int, event: int, max_wait_s: float) -> bool:
    """Wait for the event; True if it came, or if libcurl has something to do without it."""
    ownership = engine.ownership
    timeout_ms = engine.multi.timeout()
    if not timeout_ms:  # for instance, it has not read everything yet
        return True
    wait_s = max_wait_s if timeout_ms < 0 else min(timeout_ms / 1000, max_wait_s)
    ownership.is_asleep = True
    # From here on a thread that fills the inbox sees that this one sleeps, and wakes it.
    is_ready = not engine.inbox and engine.watch.is_ready(fd, event, wait_s)
    ownership.is_asleep = False
    return is_ready


def _is_alone(engine: Engine, handle: StreamHandle) -> bool:
    due = engine.idling.due
    return (
        len(engine.running) == 1
        and not handle.is_paused
        and not engine.inbox
        and not engine.waits.open
        and not engine.was_interrupted
        and not engine.watch.reports.is_incomplete
        and not (due and due[0][0] <= time.monotonic())
    )
