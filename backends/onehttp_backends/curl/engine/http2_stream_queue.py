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

from onehttp_backends.curl.engine.restarts import FOR_THE_LAST_TIME
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


class ShelfQueue:
    """The transfers of one shelf: in flight, and waiting."""

    __slots__ = ("allowed", "alone", "flying", "held", "look_at", "refused", "step")

    def __init__(self) -> None:
        self.flying: set[Transfer] = set()
        """In flight."""
        self.held: dict[Transfer, float] = {}
        """The transfers that wait, in their order, with the time at which the wait began."""
        self.refused: set[Transfer] = set()
        """The transfers that have waited after a refusal. Each does so only once."""
        self.alone: Transfer | None = None
        """The transfer put in last, if no other was in flight. If it is stopped nevertheless, it
        must not wait, because no other transfer will end."""
        self.allowed = 1
        """How many may be in flight."""
        self.step = 1
        self.look_at = 0.0

    def limit(self, allowed: int) -> None:
        """Note that the server allows ``allowed`` streams, as was just seen."""
        self.allowed, self.step = max(1, allowed), 1
        self.look_at = time.monotonic() + TRY_AGAIN_S


class Http2StreamQueue:
    """The transfers of one engine that wait for a stream. Only its owner may use this."""

    def __init__(
        self,
        multi: Multi,
        running: Mapping[Easy, Transfer],
        begun: list[Transfer],
        end: Callable[[Transfer, int, str], None],
    ) -> None:
        self._multi = multi
        self._running = running
        self._begun = begun
        """See `SecondLooks.begun`."""
        self._end = end
        self.queues: dict[Shelf[Any], ShelfQueue] = {}
        """The queues of shelves whose server has shown a limit. If there are none, a turn of the
        driver skips this class."""
        self._deadlines: list[tuple[float, int, Transfer]] = []
        self._numbers = itertools.count()

    def keeps(self, transfer: Transfer, handle: Handle) -> bool:
        """Whether a new transfer has to wait; if not, it counts as in flight."""
        queue = self.queues.get(handle.shelf)
        if queue is None:
            return False
        if queue.held or len(queue.flying) >= queue.allowed:
            self._hold(queue, transfer, handle)
            return True
        queue.flying.add(transfer)
        return False

    def takes(self, transfer: Transfer, handle: Handle, code: int) -> bool:
        """Take a transfer that has failed, if it failed because no stream was allowed."""
        if handle.held_back and not handle.has_begun_sending:
            is_known = handle.full_connections or handle.shelf in self.queues
            if is_known or not handle.keep_log():
                self.hold(transfer)
            else:
                self._put_in(transfer, handle)  # to hear why it wanted another connection
            return True
        if code != FOR_THE_LAST_TIME or not (handle.held_back or self._may_wait(transfer, handle)):
            return False
        handle.held_back = True
        queue = self._queue(handle.shelf)
        queue.refused.add(transfer)
        queue.limit(1)
        handle.forget_sendings()
        if transfer.request.method in SAFE_METHODS:  # that it was refused is not known
            handle.note_sent()
        handle.keep_log()
        self._hold(queue, transfer, handle)
        return True

    def hold(self, transfer: Transfer) -> None:
        """Let a transfer that was stopped wait."""
        handle = transfer.handle
        assert handle is not None
        queue = self._queue(handle.shelf)
        if handle.full_connections:
            queue.limit(sum(handle.full_connections.values()))
        self._hold(queue, transfer, handle)
        self._release(queue, may_open=queue.alone is transfer)

    def leave(self, transfer: Transfer, handle: Handle) -> None:
        """Let others go on, now that a transfer has ended."""
        shelf = handle.shelf
        queue = self.queues.get(shelf)
        if queue is not None:
            queue.flying.discard(transfer)
            queue.refused.discard(transfer)
            if queue.held.pop(transfer, None) is not None:
                handle.held_back = False
            self._release(queue)
            if not (queue.flying or queue.held):
                self.queues.pop(shelf, None)

    def look(self) -> None:
        """End waiting transfers whose time is over, and try whether more streams are allowed."""
        now = time.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            transfer = self._deadlines[0][2]
            if self._is_held(transfer):
                self._end(transfer, CurlCode.OPERATION_TIMEDOUT, NO_TURN)
            heapq.heappop(self._deadlines)
        for queue in list(self.queues.values()):
            if queue.held and now >= queue.look_at:
                queue.allowed = max(queue.allowed, len(queue.flying)) + queue.step
                queue.step *= 2
                queue.look_at = now + GROW_S
                self._release(queue)

    def sooner_ms(self, timeout_ms: float) -> float:
        """The shorter of ``timeout_ms`` (-1 = none) and the time until the next look is due."""
        due = [queue.look_at for queue in self.queues.values() if queue.held]
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
                self._hold(self._queue(handle.shelf), transfer, handle)
        for shelf, queue in list(self.queues.items()):
            queue.flying = self._flying(shelf)
            for transfer in list(queue.held):
                if not self._is_held(transfer):
                    queue.held.pop(transfer, None)
            self._release(queue)
            if not (queue.flying or queue.held):
                self.queues.pop(shelf, None)

    def _queue(self, shelf: Shelf[Any]) -> ShelfQueue:
        queue = self.queues.get(shelf)
        if queue is None:
            queue = ShelfQueue()
            queue.flying = self._flying(shelf)
            self.queues[shelf] = queue
        return queue

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
        queue = self.queues.get(handle.shelf)
        flying = self._flying(handle.shelf) if queue is None else queue.flying
        return bool(flying - {transfer}) and (queue is None or transfer not in queue.refused)

    def _is_held(self, transfer: Transfer) -> bool:
        handle = transfer.handle
        return handle is not None and handle.held_back and transfer.outcome is None

    def _hold(self, queue: ShelfQueue, transfer: Transfer, handle: Handle) -> None:
        handle.held_back = True
        remove_once(self._multi, handle.easy)
        queue.flying.discard(transfer)
        if transfer not in queue.held:
            if transfer.deadline < float("inf"):
                entry = (transfer.deadline, next(self._numbers), transfer)
                heapq.heappush(self._deadlines, entry)
            queue.held[transfer] = time.monotonic()

    def _release(self, queue: ShelfQueue, may_open: bool = False) -> None:
        while queue.held and (len(queue.flying) < queue.allowed or not queue.flying):
            transfer, since = next(iter(queue.held.items()))
            handle = transfer.handle
            if handle is not None and handle.held_back:
                handle.may_open = may_open and not queue.flying
                queue.alone = None if queue.flying else transfer
                queue.flying.add(transfer)
                handle.waited_us += round((time.monotonic() - since) * 1e6)
                handle.keep_log()
                self._put_in(transfer, handle)
            queue.held.pop(transfer, None)

    def _put_in(self, transfer: Transfer, handle: Handle) -> None:
        handle.full_connections.clear()
        handle.look_for_connection(may_find_one=True)
        handle.limit_to(transfer.left_s())
        transfer.was_admitted = True
        remove_once(self._multi, handle.easy)
        add_once(self._multi, handle.easy)
        handle.held_back = False
        self._begun.append(transfer)
