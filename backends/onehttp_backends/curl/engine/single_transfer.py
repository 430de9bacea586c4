"""The fast path: a blocking call that is the only transfer, run in the caller's thread."""

from __future__ import annotations

import select
from collections import deque
from typing import Final

import pycurl

from onehttp_backends.contract import Request
from onehttp_backends.curl.engine.account import Account, Answer, Earlier
from onehttp_backends.curl.engine.early_answers import EARLY, is_unheard, stays_unheard, withdrawn
from onehttp_backends.curl.engine.ownership import LOOK_AGAIN_S, Ownership
from onehttp_backends.curl.engine.restarts import goes_on
from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.libcurl import Multi, remove_once
from onehttp_backends.curl.names.waits import NameWaits
from onehttp_backends.curl.pool import HandlePool
from onehttp_backends.curl.receiving.padding import ROUNDS
from onehttp_backends.curl.sockets import SocketWatch
from onehttp_backends.curl.sockets.socket import AFTER_MS
from onehttp_backends.curl.sockets.unheard import unheard_bytes
from onehttp_backends.errors import TransferError

_ACTIVE_SOCKET: Final = pycurl.ACTIVESOCKET
_LOOK_AGAIN_MS: Final = round(1000 * LOOK_AGAIN_S)
_ROUNDS: Final = range(ROUNDS)


class SingleTransfer:
    """Runs one transfer after the other on an engine's multi. Only the owner may use it."""

    def __init__(
        self,
        multi: Multi,
        ownership: Ownership,
        watch: SocketWatch,
        waits: NameWaits[Transfer],
        inbox: deque[Transfer],
        account: Account,
        pool: HandlePool,
    ) -> None:
        self._multi = multi
        # Bound once: pycurl makes a method anew whenever it is asked for one.
        self._add, self._remove = multi.add_handle, multi.remove_handle
        self._go_on, self._info_read, self._timeout = multi.perform, multi.info_read, multi.timeout
        self._ownership = ownership
        self._watch = watch
        self._waits = waits
        self._paused = waits.paused
        self._names, self._feeder = waits.names, waits.feeder
        self._inbox = inbox
        self._account = account
        self._pool = pool
        self._reading = _OneSocket(watch.wake_fd, select.POLLIN)
        self._connecting = _OneSocket(watch.wake_fd, select.POLLOUT)

    def perform(
        self, handle: Handle, request: Request, earlier: Earlier | None = None
    ) -> Answer | None:
        """Run a transfer without epoll or a change of threads.

        Args:
            earlier: what is known of the last response to the same request.

        Returns:
            Its outcome. None if it must go on by turns, because it waits for more than one socket,
            or because another transfer has arrived; it is in the multi then.

        After an exception, `retract` must be called.
        """
        ownership, watch, easy = self._ownership, self._watch, handle.easy
        raised, unseen = watch.raised, watch.unseen
        closes, shares = handle.shelf.closes, handle.shelf.may_be_http2
        if not closes:
            watch.sweep()
        if self._feeder.revision is not self._names.revision:
            self._waits.refresh()
        if watch.is_listening is not False:
            # Two calls from C into Python for each transfer, with nobody to use them.
            watch.stop_listening(self._multi)
        if handle.always_connects is not False:
            handle.look_for_connection(may_find_one=True)
        made_before = watch.made
        outcome: Answer
        self._add(easy)
        while True:
            is_early, fd = False, -1
            looks_again = shares  # see `SecondLooks`: libcurl may read when it begins
            for _ in _ROUNDS:
                is_running = self._go_on()[1]
                is_early = is_early and stays_unheard(handle, watch, fd)
                if not is_running:
                    break
                if handle.head and (is_early or handle.has_switched):
                    break
                fd, one = handle.getinfo(_ACTIVE_SOCKET), self._reading
                if fd < 0:
                    if unseen:
                        fd, one = next(iter(unseen)), self._connecting
                    elif not handle.handshake and watch.made - made_before == 1:
                        fd, one = watch.newest, self._connecting
                if fd < 0 or raised or self._paused:
                    return None
                if fd != one.fd:
                    one.watch(fd)
                ownership.is_asleep = True
                # Whoever fills the inbox from here on sees that we sleep, and wakes us.
                if self._inbox:
                    ownership.is_asleep = False
                    return None
                timeout_ms = self._timeout()
                # It may also read at such a look, of which only the next one tells.
                if looks_again or (shares and timeout_ms > _LOOK_AGAIN_MS):
                    look_ms = AFTER_MS if looks_again else _LOOK_AGAIN_MS
                    timeout_ms = look_ms if timeout_ms < 0 else min(timeout_ms, look_ms)
                events = one.poll(timeout_ms if timeout_ms >= 0 else _LOOK_AGAIN_MS)
                ownership.is_asleep = False
                looks_again = shares and bool(events)
                if timeout_ms < 0 and not events:
                    return None  # libcurl knows of no limit: by turns ours is looked at
                if ownership.is_gone or (events and (len(events) > 1 or events[0][0] != fd)):
                    return None  # woken; or a signal handler has forked, and this is the child
                # A timer, too, ends the wait: what has come by then is not known to be an answer.
                # One that is about to connect has no earlier request, whose answer could be this.
                is_new = closes or one is self._connecting
                is_early = (
                    not is_new
                    and bool(events)
                    and not handle.head
                    and unheard_bytes(fd) > 0  # by far the most are heard: spares a call
                    and is_unheard(handle, watch, fd)
                )
            else:
                return None
            if ownership.is_gone:
                return None
            if raised:
                raise raised.pop()
            _, _, failed = self._info_read()
            if not (failed or is_early or handle.sent_on):
                made = len(unseen) or watch.made - made_before
                # A new connection that is to be closed afterwards is the only one it can use.
                opened = made if not made or (made == 1 and closes) else None
                if earlier is None:
                    outcome = self._account.answered(handle, request, opened)
                else:
                    outcome = self._account.answered_again(handle, request, opened, earlier)
                if opened and closes and not (unseen or isinstance(outcome, TransferError)):
                    watch.spent = watch.socket(watch.newest)
                break
            if is_early:
                watch.mistrust(handle.getinfo(_ACTIVE_SOCKET))
                handle.forget_answer()
                code, text = EARLY
            else:
                code, text = failed[0][1:] if failed else withdrawn(handle, watch)
                unseen.clear()
            if not code or not goes_on(self._multi, self._waits, handle, request, code, text):
                outcome = self._account.outcome(handle, request, code, text)
                break
            if handle.is_parked:
                return None
        if unseen:
            unseen.clear()
        self._remove(easy)
        if raised:  # libcurl has written a log of that
            raise raised.pop()
        self._pool.give_back(handle)
        return outcome

    def retract(self, handle: Handle) -> None:
        """Take back the handle of a `perform` that has raised."""
        self._watch.unseen.clear()
        if remove_once(self._multi, handle.easy):
            self._account.cancelled += 1


class _OneSocket:
    """Waits for one socket, or for the driver's bell."""

    __slots__ = ("_interest", "_wake_fd", "fd", "poll")

    def __init__(self, wake_fd: int, interest: int) -> None:
        self._wake_fd = wake_fd
        self._interest = interest
        self.fd = -1
        self.poll = select.poll().poll

    def watch(self, fd: int) -> None:
        """Wait for this socket from now on."""
        self.fd = -1
        poller = select.poll()
        poller.register(self._wake_fd, select.POLLIN)
        poller.register(fd, self._interest)
        self.poll = poller.poll
        self.fd = fd
