"""The shortest turn there is: of a body that a thread reads, or sends from a file, while nothing
else is in flight.

Who is as fast as its server comes back some 10,000 times a GiB, after a sleep each time, which
leaves no cache warm. Of a whole turn, most looks at what cannot be: names, other transfers,
those that have ended. Here only the socket is looked at; anything else than its bytes is left to a
whole turn, which finds it again, since epoll tells of a state and not of a change.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Final

from onehttp_backends.curl.stream_handle import StreamHandle

if TYPE_CHECKING:
    from onehttp_backends.curl.engine.engine import Engine

LONGEST_WAIT_S: Final = 0.02
"""For a socket that is silent for longer a whole turn is no matter."""


def reads_on(engine: Engine, handle: StreamHandle) -> None:
    """Let libcurl read once more for ``handle``, if nothing else is to be done; for the owner."""
    _goes_on(engine, handle, handle.lone_fd, select.EPOLLIN)


def sends_on(engine: Engine, handle: StreamHandle) -> bool:
    """Let libcurl send once more for ``handle``; False if a whole turn is needed instead."""
    return handle.sending_fd >= 0 and _goes_on(engine, handle, handle.sending_fd, select.EPOLLOUT)


def _goes_on(engine: Engine, handle: StreamHandle, fd: int, event: int) -> bool:
    multi, watch, ownership = engine.multi, engine.watch, engine.ownership
    if not _is_alone(engine, handle):
        return False
    ownership.turns += 1
    timeout_ms = multi.timeout()
    if timeout_ms:  # 0: libcurl has not read everything yet
        wait_s = LONGEST_WAIT_S if timeout_ms < 0 else min(timeout_ms / 1000, LONGEST_WAIT_S)
        ownership.is_asleep = True
        # From here on a thread that fills the inbox sees that this one sleeps, and wakes it.
        is_ready = not engine.inbox and watch.is_ready(fd, event, wait_s)
        ownership.is_asleep = False
        if not is_ready or ownership.is_gone:  # a signal handler has forked
            return False
    # This reads half as much as `socket_action` would: an amount that fits into the CPU's caches.
    _, running = multi.perform()
    if running != 1:
        engine.reap()
    if watch.raised:
        raise watch.raised.pop()
    return True


def _is_alone(engine: Engine, handle: StreamHandle) -> bool:
    due = engine.idling.due
    return (
        len(engine.running) == 1
        and not handle.is_paused
        and not engine.inbox
        and not engine.waits.open
        and not engine.was_interrupted
        and not engine.watch.hearing.is_missing_something
        and not (due and due[0][0] <= time.monotonic())
    )
