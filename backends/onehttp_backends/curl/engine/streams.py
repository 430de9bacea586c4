"""Streamed transfers: what the driver does for them after each turn."""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Callable, Sequence
from typing import Final

import pycurl

from onehttp_backends.bodies.upload import Sending
from onehttp_backends.curl.engine.account import Account
from onehttp_backends.curl.engine.early_answers import withdrawn
from onehttp_backends.curl.engine.transfer import Flow, Transfer
from onehttp_backends.curl.idle_limit import IdleLimits
from onehttp_backends.curl.reading.heads import fault_of_head, is_whole
from onehttp_backends.curl.sockets import SocketWatch
from onehttp_backends.curl.sockets.watch import READABLE
from onehttp_backends.curl.stream_handle import StreamHandle

ENOUGH_BYTES: Final = 2 * 1024 * 1024
"""A transfer with this many unread bytes is paused. One turn brings less, so a reader that drives
is not paused because of what it is about to read."""
ENOUGH_PIECES: Final = 1024
RESUME_AGAIN_S: Final = 0.01
_FEW_PIECES: Final = 8
"""This many pieces never reach a limit in bytes, so they need not be counted."""


class Streams:
    """The streamed transfers of one engine. Only its owner may use this."""

    def __init__(
        self,
        account: Account,
        watch: SocketWatch,
        idling: IdleLimits,
        fail: Callable[[Transfer, int, str], None],
    ) -> None:
        self._account = account
        self._fail = fail
        self._watch = watch
        self._idling = idling
        self.open: dict[Transfer, None] = {}
        """Streamed transfers in flight. While it is empty, a turn skips this class."""

    def look(self, events: Sequence[tuple[int, int]] = ()) -> None:
        """Check what the last turn has brought for each of them.

        Args:
            events: of the sockets, which libcurl has seen.
        """
        for transfer in list(self.open):
            self._look_at(transfer, events)

    def lone(self) -> StreamHandle | None:
        """One of which a body is on its way out, and nothing else over its socket."""
        for transfer in self.open:
            handle = transfer.handle
            return handle if isinstance(handle, StreamHandle) and handle.sending_fd >= 0 else None
        return None

    def go_on(self, transfer: Transfer) -> None:
        """Resume a transfer: its reader has caught up, or its source has given more."""
        handle = transfer.handle
        if isinstance(handle, StreamHandle) and not handle.is_parked:
            self._watch.release(handle.easy, has_ended=False)
            with contextlib.suppress(pycurl.error):  # it has ended, and `reap` will see that
                handle.go_on()
            self._look_at(transfer)

    def leave(self, transfer: Transfer) -> None:
        """Drop a transfer that has ended, perhaps in the very turn that brought its head."""
        handle, flow = transfer.handle, transfer.flow
        if self.open.pop(transfer, self) is None and handle is not None and flow is not None:
            self._watch.release(handle.easy, has_ended=True)
            is_there = flow.head is None and is_whole(handle, bool(flow.pieces))
            if is_there and fault_of_head(handle) is None:
                flow.head = self._account.read(handle)

    def _look_at(self, transfer: Transfer, events: Sequence[tuple[int, int]] = ()) -> None:
        handle, flow = transfer.handle, transfer.flow
        if not isinstance(handle, StreamHandle) or flow is None or transfer.outcome is not None:
            self.open.pop(transfer, None)
            return
        pieces = flow.pieces
        if flow.head is None and is_whole(handle, bool(pieces)):
            code, text = fault_of_head(handle) or withdrawn(handle, self._watch)
            if code:
                self._fail(transfer, code, text)
                return
            self._begin_body(transfer, handle, flow)
        if handle.sending is not None:
            handle.note_unsent(handle.sending)
            if handle.has_unsent and handle.sending.is_starved:
                self._pass_on(handle, events)
            if handle.shelf.is_http1:
                self._look_at_sending(handle, handle.sending)
        if flow.is_awaited and (
            pieces
            or (handle.sending is not None and (handle.sending.wants_more or flow.is_followed))
        ):
            flow.on_stir()
        if len(pieces) > _FEW_PIECES and not handle.is_paused and self._is_enough(handle, flow):
            self._pause(transfer, handle, flow)

    def _pass_on(self, handle: StreamHandle, events: Sequence[tuple[int, int]]) -> None:
        """Have libcurl send what it has. While it is paused, because the source has no more, it
        sends only if it is resumed when the socket takes more.

        An HTTP/2 server may allow no more for now. Resumed in vain, libcurl asks for another turn
        at once. So it is resumed if it has sent something since, after an event of its socket, or
        after some time: it may have read that more is allowed without an event that we saw.
        """
        fd = handle.easy.getinfo(pycurl.ACTIVESOCKET)
        known = self._watch.socket(fd)
        if known is None or not known.is_open():
            return
        now, has_sent = time.monotonic(), handle.sent_until != handle.resumed_at
        is_due = has_sent or now >= handle.resume_again_at
        if not is_due and all(each != fd for each, _ in events):
            return
        handle.resumed_at, handle.resume_again_at = handle.sent_until, now + RESUME_AGAIN_S
        if known.takes_more():
            with contextlib.suppress(pycurl.error):  # it has ended
                handle.easy.pause(handle.pause_bits)
        elif not known.interest & select.EPOLLOUT:
            self._watch.register(known, READABLE | select.EPOLLOUT)

    @staticmethod
    def _look_at_sending(handle: StreamHandle, sending: Sending) -> None:
        is_under_way = sending.taken > 0 and not sending.is_given
        handle.sending_fd = handle.easy.getinfo(pycurl.ACTIVESOCKET) if is_under_way else -1

    def _begin_body(self, transfer: Transfer, handle: StreamHandle, flow: Flow) -> None:
        progress = handle.begin_body(flow.limits)
        transfer.deadline = flow.limits.ends_at
        if progress:
            self._idling.watch(progress)
        flow.head = head = self._account.head(handle)
        if head.http_version.startswith("1") and handle.sending is None:
            handle.lone_fd = handle.easy.getinfo(pycurl.ACTIVESOCKET)
        flow.on_stir()

    @staticmethod
    def _is_enough(handle: StreamHandle, flow: Flow) -> bool:
        if len(flow.pieces) > ENOUGH_PIECES:
            return True
        received: int = handle.easy.getinfo(pycurl.SIZE_DOWNLOAD_T)
        return received - flow.taken > ENOUGH_BYTES

    def _pause(self, transfer: Transfer, handle: StreamHandle, flow: Flow) -> None:
        handle.is_paused = True
        # Before: libcurl tells at once that it does not want the socket any more.
        self._watch.held[handle.easy] = handle.easy.getinfo(pycurl.ACTIVESOCKET)
        with contextlib.suppress(pycurl.error):  # it has ended
            handle.easy.pause(handle.pause_bits)
        if not flow.pieces:  # read meanwhile, by who did not see that it is paused
            self.go_on(transfer)
