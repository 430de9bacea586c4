"""Transfers that wait until the server allows another stream of HTTP/2.

A server says how many streams it allows at a time (SETTINGS_MAX_CONCURRENT_STREAMS). For transfers
beyond this limit libcurl opens another connection. Here such a transfer is stopped before the
connection is opened (`SendingGuard.held_back`), and put in again when another transfer to its
origin has ended. Only libcurl's log tells why a connection is opened, and the log is not always
kept. So a transfer that may have met the limit is put in again with its log, and waits only if the
log says that it has.

| a transfer that                                  | goes on when                                  |
|--------------------------------------------------|-----------------------------------------------|
| was stopped, or came after one that was          | fewer are in flight than the server allows    |
| was refused twice (RFC 9113, 8.7)                | likewise, one at a time at first              |
| was refused again after that                     | at once                                       |
| waits, but nothing is in flight that could end   | at once, on another connection                |

Streamed responses do not wait here, and nobody waits for them, because their readers decide how
long they take. From time to time more transfers are tried, in case the server now allows more. So
each transfer that waits has one in flight whose end lets it go on, and none waits beyond its
deadline.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from onehttp_backends.curl.engine.anew import FOR_THE_LAST_TIME
from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.libcurl import Easy, Multi, add_once, remove_once
from onehttp_backends.curl.shelf import Shelf
from onehttp_backends.errors import CurlCode
from onehttp_backends.rules.methods import SAFE_METHODS

TRY_AGAIN_S: Final = 0.1
"""After the server's limit was met, that long it is not tried whether more are allowed."""
GROW_S: Final = 0.02
"""While nothing is met, twice as many as the last time are tried after that long."""
NO_TURN: Final = "the server allows no more streams at a time, and none has ended in time"


class Lane:
    """The transfers of one shelf."""

    __slots__ = ("allowed", "alone", "flying", "held", "look_at", "refused", "step")

    def __init__(self) -> None:
        self.flying: set[Transfer] = set()
        """In flight."""
        self.held: dict[Transfer, float] = {}
        """Those that wait, in their order, and since when."""
        self.refused: set[Transfer] = set()
        """Have waited because they were refused, which they do once."""
        self.alone: Transfer | None = None
        """The last one put in, if nobody else was in flight: should it be stopped nevertheless,
        nobody's end will help."""
        self.allowed = 1
        """How many may be in flight."""
        self.step = 1
        self.look_at = 0.0

    def limit(self, allowed: int) -> None:
        """So many are allowed, as it was just seen."""
        self.allowed, self.step = max(1, allowed), 1
        self.look_at = time.monotonic() + TRY_AGAIN_S


class Http2StreamQueue:
    """The transfers of one engine that wait for a stream. Only its owner may use this."""

    def __init__(
        self,
        multi: Multi,
        running: Mapping[Easy, Transfer],
        end: Callable[[Transfer, int, str], None],
    ) -> None:
        self._multi = multi
        self._running = running
        self._end = end
        self.lanes: dict[Shelf[Any], Lane] = {}
        """Of shelves whose server has shown a limit. While it is empty, a turn skips this class."""
        self._deadlines: list[tuple[float, int, Transfer]] = []
        self._numbers = itertools.count()

    def keeps(self, transfer: Transfer, handle: Handle) -> bool:
        """Whether a transfer that comes has to wait; if not, it is about to be put in."""
        lane = self.lanes.get(handle.shelf)
        if lane is None:
            return False
        if lane.held or len(lane.flying) >= lane.allowed:
            self._hold(lane, transfer, handle)
            return True
        lane.flying.add(transfer)
        return False

    def takes(self, transfer: Transfer, handle: Handle, code: int) -> bool:
        """Take a transfer that has failed, if that is for want of a stream."""
        if handle.held_back and not handle.has_begun_sending:
            is_known = handle.full_connections or handle.shelf in self.lanes
            if is_known or not handle.keep_log():
                self.hold(transfer)
            else:
                self._put_in(transfer, handle)  # to hear why it wanted another connection
            return True
        if code != FOR_THE_LAST_TIME or not (handle.held_back or self._may_wait(transfer, handle)):
            return False
        handle.held_back = True
        lane = self._lane(handle.shelf)
        lane.refused.add(transfer)
        lane.limit(1)
        handle.forget_sendings()
        if transfer.request.method in SAFE_METHODS:  # that it was refused is not known
            handle.note_sent()
        handle.keep_log()
        self._hold(lane, transfer, handle)
        return True

    def hold(self, transfer: Transfer) -> None:
        """Let a transfer wait that was stopped."""
        handle = transfer.handle
        assert handle is not None
        lane = self._lane(handle.shelf)
        if handle.full_connections:
            lane.limit(sum(handle.full_connections.values()))
        self._hold(lane, transfer, handle)
        self._release(lane, may_open=lane.alone is transfer)

    def leave(self, transfer: Transfer, handle: Handle) -> None:
        """Let others go on, now that a transfer has ended."""
        shelf = handle.shelf
        lane = self.lanes.get(shelf)
        if lane is not None:
            lane.flying.discard(transfer)
            lane.refused.discard(transfer)
            if lane.held.pop(transfer, None) is not None:
                handle.held_back = False
            self._release(lane)
            if not (lane.flying or lane.held):
                self.lanes.pop(shelf, None)

    def look(self) -> None:
        """End those whose time is over, and try whether more are allowed."""
        now = time.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            transfer = self._deadlines[0][2]
            if self._is_held(transfer):
                self._end(transfer, CurlCode.OPERATION_TIMEDOUT, NO_TURN)
            heapq.heappop(self._deadlines)
        for lane in list(self.lanes.values()):
            if lane.held and now >= lane.look_at:
                lane.allowed = max(lane.allowed, len(lane.flying)) + lane.step
                lane.step *= 2
                lane.look_at = now + GROW_S
                self._release(lane)

    def sooner_ms(self, timeout_ms: float) -> float:
        """The shorter of ``timeout_ms`` (-1 = none) and the time until the next look is due."""
        due = [lane.look_at for lane in self.lanes.values() if lane.held]
        if not due:
            return timeout_ms
        if self._deadlines:
            due.append(self._deadlines[0][0])
        left_ms = max(0.0, (min(due) - time.monotonic()) * 1000)
        return left_ms if timeout_ms < 0 else min(left_ms, timeout_ms)

    def count_anew(self) -> None:
        """Repair what an exception between two steps has left behind."""
        for transfer in list(self._running.values()):
            handle = transfer.handle
            if handle is not None and handle.held_back and transfer.outcome is None:
                self._hold(self._lane(handle.shelf), transfer, handle)
        for shelf, lane in list(self.lanes.items()):
            lane.flying = self._flying(shelf)
            for transfer in list(lane.held):
                if not self._is_held(transfer):
                    lane.held.pop(transfer, None)
            self._release(lane)
            if not (lane.flying or lane.held):
                self.lanes.pop(shelf, None)

    def _lane(self, shelf: Shelf[Any]) -> Lane:
        lane = self.lanes.get(shelf)
        if lane is None:
            lane = Lane()
            lane.flying = self._flying(shelf)
            self.lanes[shelf] = lane
        return lane

    def _flying(self, shelf: Shelf[Any]) -> set[Transfer]:
        return {
            transfer
            for transfer in list(self._running.values())
            if (handle := transfer.handle) is not None
            and handle.shelf is shelf
            and not handle.held_back
        }

    def _may_wait(self, transfer: Transfer, handle: Handle) -> bool:
        """Whether a transfer was refused, for the first time as we see it, while others are in
        flight."""
        if handle.shelf.is_http1 or not (
            handle.stream_refusals or transfer.request.method in SAFE_METHODS
        ):
            return False
        lane = self.lanes.get(handle.shelf)
        flying = self._flying(handle.shelf) if lane is None else lane.flying
        return bool(flying - {transfer}) and (lane is None or transfer not in lane.refused)

    def _is_held(self, transfer: Transfer) -> bool:
        handle = transfer.handle
        return handle is not None and handle.held_back and transfer.outcome is None

    def _hold(self, lane: Lane, transfer: Transfer, handle: Handle) -> None:
        handle.held_back = True
        remove_once(self._multi, handle.easy)
        lane.flying.discard(transfer)
        if transfer not in lane.held:
            if transfer.deadline < float("inf"):
                entry = (transfer.deadline, next(self._numbers), transfer)
                heapq.heappush(self._deadlines, entry)
            lane.held[transfer] = time.monotonic()

    def _release(self, lane: Lane, may_open: bool = False) -> None:
        while lane.held and (len(lane.flying) < lane.allowed or not lane.flying):
            transfer, since = next(iter(lane.held.items()))
            handle = transfer.handle
            if handle is not None and handle.held_back:
                handle.may_open = may_open and not lane.flying
                lane.alone = None if lane.flying else transfer
                lane.flying.add(transfer)
                handle.waited_us += round((time.monotonic() - since) * 1e6)
                handle.keep_log()
                self._put_in(transfer, handle)
            lane.held.pop(transfer, None)

    def _put_in(self, transfer: Transfer, handle: Handle) -> None:
        handle.full_connections.clear()
        handle.look_for_connection(may_find_one=True)
        handle.limit_to(transfer.left_s())
        transfer.was_admitted = True
        remove_once(self._multi, handle.easy)
        add_once(self._multi, handle.easy)
        handle.held_back = False
