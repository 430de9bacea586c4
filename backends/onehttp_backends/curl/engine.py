"""The life of a transfer: admitted to the multi, driven by turns, reaped, delivered.

Everything here is done by one thread at a time, the driver (see ``driving``); the inbox alone
takes transfers and cancellations from any thread.
"""

from __future__ import annotations

import os
import select
from collections import Counter, deque
from typing import Final

import pycurl

from onehttp_backends.contract import Outcome, Peer, Request, Stats
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.idle_limit import IdleLimits
from onehttp_backends.curl.libcurl import LIBCURL, Easy
from onehttp_backends.curl.names.lookups import Names
from onehttp_backends.curl.names.waits import NameWaits
from onehttp_backends.curl.one_shot import OneShotCounts
from onehttp_backends.curl.outcome import cancelled, read_error, read_response
from onehttp_backends.curl.pool import HandlePool
from onehttp_backends.curl.sockets import SocketWatch
from onehttp_backends.curl.transfer import BlockingTransfer, Transfer
from onehttp_backends.errors import (
    CurlCode,
    Sent,
    idle_text,
    transfer_error,
)
from onehttp_backends.immortal import make_immortal
from onehttp_backends.request_rules import SAFE_METHODS

MAX_KNOWN_PEERS: Final = 8192
SMALL_BODY_BYTES: Final = 16 * 1024
"""Fits any socket buffer: sending it never has to wait for the socket to become writable."""

_ENDED_BY_PEER: Final = (CurlCode.GOT_NOTHING, CurlCode.SEND_ERROR, CurlCode.RECV_ERROR)
_ACTIVE_SOCKET: Final = pycurl.ACTIVESOCKET
_NUM_CONNECTS: Final = pycurl.NUM_CONNECTS
_CONN_ID: Final = getattr(pycurl, "CONN_ID", 0)


class Engine:
    """One multi handle and all that is in flight on it."""

    def __init__(self, max_idle_connections: int, names: Names | None = None) -> None:
        LIBCURL.initialise()
        self.watch = SocketWatch()
        self.multi = LIBCURL.multi()
        self.names = names or Names()
        self.waits: NameWaits[Transfer] = NameWaits(self.names, self.multi, self.watch.wake)
        self.pool = HandlePool(self.watch.opened, self.watch.dead_ports, self.waits.paused)
        self.multi.setopt(pycurl.M_MAXCONNECTS, max_idle_connections)
        self._is_telling = False
        """Whether libcurl tells `SocketWatch.changed` about its sockets."""
        self.inbox: deque[Transfer] = deque()
        self.running: dict[Easy, Transfer] = {}
        self.blocked: dict[BlockingTransfer, None] = {}
        self.is_asleep = False
        self.is_dead = False
        """Inherited through a fork, or closed: nothing of it may be used any more."""
        self.callback_errors = 0
        self.thread_transfers = 0
        self.idling = IdleLimits(self.running)
        self._peers: dict[int, Peer] = {}
        self._poller = select.poll()
        self._poller.register(self.watch.wake_fd, select.POLLIN)
        self._polled_fd = -1
        self._transfers = self._completed = self._failed = self._cancelled = 0
        self._opened = self._reused = 0
        self._by_version: Counter[str] = Counter()
        self.one_shot = OneShotCounts()

    def is_idle(self) -> bool:
        """Whether nothing is in flight or about to be."""
        return not self.running and not self.inbox

    # ---- alone: the uncontended blocking call

    def perform_alone(self, handle: Handle, request: Request) -> Outcome | None:
        """Run the only transfer there is in the caller's thread, without epoll or a hop.

        Returns its outcome, or None when it must be driven like any other from here on: a
        connection is being made, or somebody else has come. It is in the multi then.
        """
        multi, easy = self.multi, handle.easy
        self.watch.sweep()
        self.waits.refresh()
        if self._is_telling:
            # Two calls from C into Python for each transfer, with nobody to use them.
            multi.setopt(pycurl.M_SOCKETFUNCTION, None)
            self._is_telling = False
        if handle.always_connects:
            handle.look_for_connection(may_find_one=True)
        code, text = -1, ""
        multi.add_handle(easy)
        try:
            while code < 0:
                while multi.perform()[1]:
                    fd = easy.getinfo(_ACTIVE_SOCKET)
                    if fd < 0 or self.waits.paused:
                        return None
                    if fd != self._polled_fd:
                        self._poll_also(fd)
                    self.is_asleep = True
                    # Whoever fills the inbox from here on sees that we sleep, and wakes us.
                    if self.inbox:
                        self.is_asleep = False
                        return None
                    timeout_ms = multi.timeout()
                    events = self._poller.poll(timeout_ms if timeout_ms >= 0 else None)
                    self.is_asleep = False
                    if events and (len(events) > 1 or events[0][0] != fd):
                        return None  # woken
                _, _, failed = multi.info_read()
                code, text = failed[0][1:] if failed else (0, "")
                if code and self._goes_on(handle, request, code, text):
                    if handle.is_parked:
                        return None
                    code = -1
        except BaseException:
            self.is_asleep = False
            if not handle.is_parked:
                multi.remove_handle(easy)
            self._transfers += 1
            self._cancelled += 1
            self.pool.give_back(handle)
            raise
        return self._finish(handle, request, code, text)

    def _poll_also(self, fd: int) -> None:
        if self._polled_fd >= 0:
            self._poller.unregister(self._polled_fd)
        self._poller.register(fd, select.POLLIN)
        self._polled_fd = fd

    def adopt(self, transfer: Transfer) -> None:
        """Go on by turns with a transfer that `perform_alone` has started."""
        self._note_running(transfer)
        if transfer.handle.is_parked:
            self.waits.park(transfer)
        if transfer.handle.is_parked or self.waits.paused:
            return
        # perform() does not tell about sockets. Pausing and resuming makes libcurl look at
        # this one again, in the turn that follows, and tell.
        self._let_libcurl_tell()
        easy = transfer.handle.easy
        easy.pause(pycurl.PAUSE_RECV)
        easy.pause(pycurl.PAUSE_CONT)

    # ---- by turns: everything else

    def turn(self, is_blocking: bool) -> None:
        """One round: wait (if asked) for events, let libcurl act on them, deliver what ended."""
        multi = self.multi
        events = self._events(is_blocking)
        seen_at = self.idling.see(events) if self.idling.due else 0.0
        for fd, mask in events:
            multi.socket_action(fd, mask)
        if self.inbox:
            self.admit()
        if self.waits.open or self.waits.paused:
            self._settle_names()
        # libcurl leaves the timer alone when its value is unchanged, even if we fired a hair
        # too early by its clock: ask, never remember.
        if multi.timeout() == 0:
            multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._reap()
        if seen_at and not self.watch.is_behind:
            self._end_idle(seen_at)

    def _events(self, is_blocking: bool) -> list[tuple[int, int]]:
        if not is_blocking or self.inbox:
            return self.watch.poll(0)
        wait_ms = self.wait_ms()
        self.is_asleep = True
        try:
            # Whoever fills the inbox from here on sees that we sleep, and wakes us.
            return self.watch.poll(0 if self.inbox else wait_ms / 1000 if wait_ms >= 0 else -1)
        finally:
            self.is_asleep = False

    def wait_ms(self) -> float:
        """Milliseconds that may pass without an event before the next turn; -1 = any number."""
        timeout_ms: float = self.multi.timeout()
        if self.waits.open or self.waits.paused:
            timeout_ms = self.waits.sooner_ms(timeout_ms)
        if self.idling.due:
            return self.idling.sooner_ms(timeout_ms)
        return timeout_ms

    def admit(self) -> None:
        """Start the transfers of the inbox, and stop those cancelled."""
        if self.is_dead:
            self.cancel_all("the engine is gone")
            return
        self.watch.sweep()
        self.waits.refresh()
        self._let_libcurl_tell()
        inbox = self.inbox
        idle_connections = len(self.watch.idle)
        while inbox:
            transfer = inbox.popleft()
            if transfer.outcome is not None:
                continue
            if transfer.is_cancelled:
                self._cancel(transfer, "cancelled")
                continue
            try:
                transfer.handle.look_for_connection(may_find_one=idle_connections > 0)
                idle_connections -= 1
                self.multi.add_handle(transfer.handle.easy)
            except pycurl.error as error:
                self._transfers += 1
                self._failed += 1
                transfer.outcome = transfer_error(
                    CurlCode.FAILED_INIT, f"libcurl takes no more transfers: {error}"
                )
                transfer.deliver()
            else:
                self._note_running(transfer)

    def _let_libcurl_tell(self) -> None:
        if not self._is_telling:
            self.multi.setopt(pycurl.M_SOCKETFUNCTION, self.watch.changed)
            self._is_telling = True

    def cancel_all(self, reason: str) -> int:
        """End every transfer, running or waiting; how many there were."""
        transfers = [*self.running.values(), *self.inbox]
        self.inbox.clear()
        for transfer in transfers:
            if transfer.outcome is None:
                self._cancel(transfer, reason)
        return len(transfers)

    def _note_running(self, transfer: Transfer) -> None:
        self.running[transfer.handle.easy] = transfer
        if progress := transfer.handle.progress:
            self.idling.watch(progress)
        if transfer.needs_thread:
            self.thread_transfers += 1
        elif isinstance(transfer, BlockingTransfer):
            self.blocked[transfer] = None

    def _forget_running(self, transfer: Transfer) -> None:
        if self.running.pop(transfer.handle.easy, None) is None:
            return
        if transfer.handle.wait:
            self.waits.leave(transfer)
        if isinstance(transfer, BlockingTransfer):
            self.blocked.pop(transfer, None)
        elif transfer.needs_thread:
            self.thread_transfers -= 1

    def _settle_names(self) -> None:
        """Let go on what has waited for a name, or end it."""
        self._let_libcurl_tell()
        for transfer, code, text in self.waits.turn(self.running.get):
            if self.is_dead:  # a callback has forked: this is the child
                return
            if transfer.outcome is None:
                self._end(transfer, code, text)

    def _reap(self) -> None:
        while True:
            queued, succeeded, failed = self.multi.info_read()
            for easy in succeeded:
                self._end(self.running[easy], 0, "")
                if self.is_dead:  # a callback has forked: this is the child
                    return
            for easy, code, text in failed:
                transfer = self.running[easy]
                if self._goes_on(transfer.handle, transfer.request, code, text):
                    if transfer.handle.is_parked:
                        self.waits.park(transfer)
                    continue
                self._end(transfer, code, text)
                if self.is_dead:
                    return
            if not queued:
                return

    def _end_idle(self, seen_at: float) -> None:
        """End the transfers of which nothing had moved for too long when the turn began."""
        while not self.is_dead and (progress := self.idling.next_idle(seen_at)):
            text = idle_text(progress.limit_s)
            self._end(self.running[progress.easy], CurlCode.OPERATION_TIMEDOUT, text)

    def _end(self, transfer: Transfer, code: int, text: str) -> None:
        self._forget_running(transfer)
        transfer.outcome = self._finish(transfer.handle, transfer.request, code, text)
        transfer.deliver()

    def _goes_on(self, handle: Handle, request: Request, code: int, text: str) -> bool:
        """Whether a transfer that has failed begins once more, now or when a name is known."""
        if self._begins_anew(handle, request, code):
            return True
        return self.waits.takes(handle, request, code, text)

    def _begins_anew(self, handle: Handle, request: Request, code: int) -> bool:
        """Whether a transfer that met only dead connections was put in again, for a new one.

        libcurl tries five idle connections and gives up; when a server restarts, all are dead.
        Only what may be repeated is, and once.
        """
        if code not in _ENDED_BY_PEER or handle.always_connects or handle.head:
            return False
        if request.method not in SAFE_METHODS or handle.easy.getinfo(_NUM_CONNECTS):
            return False
        handle.connect_anew()
        self.multi.remove_handle(handle.easy)
        self.multi.add_handle(handle.easy)
        return True

    def _finish(self, handle: Handle, request: Request, code: int, text: str) -> Outcome:
        """Turn a finished handle into its outcome, and take it out of the multi."""
        easy = handle.easy
        getinfo = easy.getinfo
        self._transfers += 1
        opened = getinfo(_NUM_CONNECTS)
        outcome: Outcome
        if code == 0 or handle.was_truncated:
            self._completed += 1
            peer = self._peers.get(getinfo(_CONN_ID)) if not opened and _CONN_ID else None
            response = read_response(handle, request, opened, peer or self._new_peer(easy))
            version = response.http_version
            self._by_version[version] += 1
            if opened:
                self._note_socket(getinfo(_ACTIVE_SOCKET), version)
            else:
                self._reused += 1
            outcome = response
        else:
            self._failed += 1
            outcome = read_error(handle, request, code, text)
        self._opened += opened
        if not handle.is_parked:
            self.multi.remove_handle(easy)
        self.pool.give_back(handle)
        return outcome

    def _note_socket(self, fd: int, version: str) -> None:
        if fd < 0:
            return  # closed with the transfer
        if version in ("2", "3"):
            self.watch.multiplexed.add(fd)
        self.watch.watch_idle(fd)

    def _new_peer(self, easy: Easy) -> Peer:
        peer = Peer(easy.getinfo(pycurl.PRIMARY_IP) or "", easy.getinfo(pycurl.PRIMARY_PORT))
        if _CONN_ID:
            if len(self._peers) >= MAX_KNOWN_PEERS:
                self._peers.clear()
            self._peers[easy.getinfo(_CONN_ID)] = peer
        return peer

    def _cancel(self, transfer: Transfer, reason: str) -> None:
        handle = transfer.handle
        self._transfers += 1
        self._cancelled += 1
        sent = Sent.NO
        if handle.easy in self.running:
            sent = read_error(handle, transfer.request, CurlCode.ABORTED_BY_CALLBACK, "").sent
            self._forget_running(transfer)
            if not handle.is_parked:
                self.multi.remove_handle(handle.easy)
        if not self.is_dead:
            self.pool.give_back(handle)
        transfer.outcome = cancelled(transfer.request, reason, sent)
        transfer.deliver()

    # ---- the end

    def close(self) -> None:
        """Close libcurl's objects. Lookups that hang go on by themselves, for nobody."""
        self.is_dead = True
        self.waits.close()
        self.pool.close()
        self.multi.close()
        self.watch.close()

    def abandon(self) -> None:
        """Let go of everything without closing a handle: sockets and descriptors only.

        For an engine inherited through a fork, whose connections stay the parent's: closing our
        copy of a descriptor sends nothing.
        """
        self.is_dead = True
        self.waits.close()
        made = (handle.easy for handle in self.pool.made)
        make_immortal(self.multi, *self.waits.feeder.made, *made)
        for fd in self.watch.inherited_fds():
            os.close(fd)
        self.watch.close()

    def stats(self) -> Stats:
        one_shot = self.one_shot
        return Stats(
            backend="pycurl",
            transfers=self._transfers + one_shot.transfers + len(self.running) + len(self.inbox),
            completed=self._completed + one_shot.completed,
            failed=self._failed + one_shot.failed,
            cancelled=self._cancelled + one_shot.cancelled,
            in_flight=len(self.running) + len(self.inbox),
            connections_opened=self._opened + one_shot.opened,
            connections_reused=self._reused,
            connections_open=len(self.watch.inherited_fds()),
            callback_errors=self.callback_errors,
            lookups=self.names.lookups,
            lookups_in_flight=self.names.in_flight,
            global_inits=LIBCURL.global_inits,
            by_http_version=dict(self._by_version + one_shot.by_version),
        )
