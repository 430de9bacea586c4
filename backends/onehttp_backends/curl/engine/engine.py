"""The life of a transfer: admitted to the multi, driven by turns, reaped, delivered.

Everything here is done by the owner (see `ownership`); any thread may put into the inbox.

A signal handler may raise at any instruction, so every step can be repeated: work stays at the head
of its queue until it is done, and doing it twice is the same as doing it once. What libcurl reports
only once is taken by a single call of C.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Final

import pycurl

from onehttp_backends.contract import Outcome, Stats
from onehttp_backends.curl.engine.account import Account
from onehttp_backends.curl.engine.early_answers import EarlyAnswers, withdrawn
from onehttp_backends.curl.engine.endless_answers import EndlessAnswers
from onehttp_backends.curl.engine.http2_stream_queue import Http2StreamQueue
from onehttp_backends.curl.engine.late_answers import LateAnswers
from onehttp_backends.curl.engine.ownership import Owned
from onehttp_backends.curl.engine.quiet_mode import QuietMode
from onehttp_backends.curl.engine.recovery import pick_up, tell_of, tell_of_all
from onehttp_backends.curl.engine.restarts import beginning, goes_on
from onehttp_backends.curl.engine.second_looks import SecondLooks
from onehttp_backends.curl.engine.single_transfer import SingleTransfer
from onehttp_backends.curl.engine.streams import Streams
from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.idle_limit import IdleLimits
from onehttp_backends.curl.libcurl import Easy, is_in_already, is_out_already
from onehttp_backends.curl.names.lookups import Names
from onehttp_backends.curl.reading.outcome import cancelled
from onehttp_backends.curl.sockets.unseen import see
from onehttp_backends.errors import CurlCode, Sent

_MAX_MESSAGES: Final = (1_000_000,)


class Engine(Owned):
    """A multi handle, and all transfers that are in flight on it."""

    def __init__(self, max_idle_connections: int, names: Names | None = None) -> None:
        names = names or Names()
        super().__init__(max_idle_connections, names)
        self._add, self._remove = self.multi.add_handle, self.multi.remove_handle
        self.inbox: deque[Transfer] = deque()
        """Transfers to be admitted, and those to be cancelled."""
        self.running: dict[Easy, Transfer] = {}
        self.ended: deque[Transfer] = deque()
        """Transfers whose callback has to be run, by a thread that does not drive."""
        self._messages: deque[tuple[int, list[Easy], list[tuple[Easy, int, str]]]] = deque()
        self._finished: deque[tuple[Transfer, int, str]] = deque()
        self.ending: Transfer | None = None
        """Has its outcome, and is perhaps in none of these any more, but nobody was told yet."""
        self.was_interrupted = False
        """An exception that was not the engine's has ended a turn of it."""
        self.account = Account(self.watch, names)
        self.single = SingleTransfer(
            self.multi, self.ownership, self.watch, self.waits, self.inbox, self.account, self.pool
        )
        self.idling, self.endless = IdleLimits(self.running), EndlessAnswers(self.running)
        self.streams = Streams(self.account, self.watch, self.idling, self._fail)
        self.second_looks, self.late_answers = SecondLooks(self.multi, self.watch), LateAnswers()
        self.early_answers = EarlyAnswers(self.multi, self.running, self.watch)
        self.http2_queue = Http2StreamQueue(
            self.multi, self.running, self.second_looks.begun, self._end_with
        )
        self.quiet_mode = QuietMode(self.multi, self.running, self.watch)

    def is_idle(self) -> bool:
        """Whether no transfer is in flight or waits to begin."""
        return not self.running and not self.inbox

    # ---- by turns

    def adopt(self, transfer: Transfer) -> None:
        """Continue by turns with a transfer that `SingleTransfer.perform` has started."""
        handle = transfer.handle
        assert handle is not None
        self.running[handle.easy] = transfer
        if handle.opens_unseen:
            handle.have_openings_reported()
            see(self.watch)
        self.second_looks.begun.append(transfer)
        transfer.was_admitted = True
        self.quiet_mode.end()
        if self.ownership.is_gone:
            return
        if handle.is_parked:
            self.waits.park(transfer)
        elif not self.waits.paused:
            self.watch.listen(self.multi)
            tell_of(handle, self.watch)

    def turn(self, max_wait_s: float = -1.0) -> None:
        """Wait for events (-1: until one is due), let libcurl act, end what is done."""
        multi, watch = self.multi, self.watch
        self.ownership.turns += 1
        if self.was_interrupted or watch.reports.is_incomplete:
            self._audit()
        if self._finished or self._messages:
            self._settle()
        events = self._events(max_wait_s)
        if self.ownership.is_gone:  # a signal handler has forked, and this is the child
            return
        seen_at = time.monotonic() if self.idling.due else 0.0  # what moves from now on is not idle
        if events:
            self.late_answers.spare(self.running)
            (self.quiet_mode if self.quiet_mode.is_on else self.early_answers).let_read(
                events, self._fail
            )
        if self.late_answers.spared:
            self.late_answers.end(self.reap, self._fail)
        if self.streams.open:  # what is enough is not to be more by what the timer lets in
            self.streams.look()
        if self.inbox:
            self.admit(has_polled=not (events or watch.is_behind))
        if self.waits.open or self.waits.paused:  # names: let go on what is known, or end it
            self.quiet_mode.end()
            watch.listen(multi)
            self.waits.turn(self.running.get, self._end_with)
        self.quiet_mode.act()
        self.second_looks.look()
        self.reap()
        if self.http2_queue.queues:
            self.http2_queue.look()
        self.second_looks.note(events)
        if self.streams.open:
            self.streams.look(events)
        if seen_at and not watch.is_behind:
            while late := self.idling.next_idle(seen_at):
                self._fail(self.running[late.easy], CurlCode.OPERATION_TIMEDOUT, late.text())
        self.endless.look(self.ownership.turns, bool(events), self._fail)
        if watch.raised:
            raise watch.raised.pop()

    def _events(self, max_wait_s: float) -> list[tuple[int, int]]:
        watch, ownership = self.watch, self.ownership
        watch.is_stamping = watch.is_stamping or bool(self.idling.due)
        if max_wait_s == 0 or self.inbox or self.ended or self.late_answers.spared:
            return watch.poll(0)
        wait_s = self.wait_ms() / 1000
        if wait_s < 0 or 0 < max_wait_s < wait_s:
            wait_s = max_wait_s
        ownership.is_asleep = True
        # Whoever fills the inbox from here on sees that we sleep, and wakes us.
        events = watch.poll(0 if self.inbox else wait_s)
        ownership.is_asleep = False
        return events

    def wait_ms(self) -> float:
        """Milliseconds until a turn is due even without an event; -1 if none is."""
        timeout_ms = float(self.multi.timeout())
        if self.waits.open or self.waits.paused:
            timeout_ms = self.waits.sooner_ms(timeout_ms)
        if self.idling.due:
            timeout_ms = self.idling.sooner_ms(timeout_ms)
        if self.http2_queue.queues:
            timeout_ms = self.http2_queue.sooner_ms(timeout_ms)
        return self.second_looks.sooner_ms(self.endless.sooner_ms(timeout_ms))

    def _audit(self) -> None:
        """Repair what an exception between two steps has left behind."""
        reports = self.watch.reports
        self.quiet_mode.end()
        self.reap()  # libcurl has nothing more to do for those, and would let us sleep
        pick_up(self.multi, self.waits, list(self.running.values()), self._end)
        self.http2_queue.count_anew()
        if reports.is_incomplete:
            tell_of_all(self.multi, self.running.values(), self.watch)
            reports.is_incomplete = False
        self.was_interrupted = False

    # ---- admission

    def admit(self, has_polled: bool = False) -> None:
        """Start the transfers in the inbox, and end cancelled ones; see `SocketWatch.sweep`."""
        if self.watch.reports.is_incomplete:
            self._audit()  # otherwise a socket in use may be swept as an idle one
        # What was begun is finished before libcurl gets on with anything: done again later, a
        # transfer that has been put in anew could have been sent by then.
        self._settle()
        self.watch.sweep(has_polled)
        if self.waits.refresh():
            self.reap()
        inbox = self.inbox
        if not self.quiet_mode.begins(inbox):
            self.watch.listen(self.multi)
        idle_connections = len(self.watch.idle)
        while inbox:
            transfer = inbox[0]
            if transfer.is_cancelled:
                self.cancel(transfer, "cancelled")
            elif transfer.flow is not None and transfer in self.streams.open:
                self.streams.go_on(transfer)
            elif transfer.handle is not None and transfer.outcome is None:
                self._admit(transfer, transfer.handle, idle_connections > 0)
                idle_connections -= 1
            inbox.popleft()
        if self.watch.raised:
            raise self.watch.raised.pop()

    def _admit(self, transfer: Transfer, handle: Handle, may_find_one: bool) -> None:
        try:
            if handle.opens_unseen:
                handle.have_openings_reported()
            handle.look_for_connection(may_find_one)
            if self.quiet_mode.is_on:
                self.quiet_mode.add(transfer, may_find_one)
            self.running[handle.easy] = transfer
            if not (self.http2_queue.queues and self.http2_queue.keeps(transfer, handle)):
                transfer.was_admitted = self.endless.has_begun = True
                self._add(handle.easy)
        except pycurl.error as error:
            if not is_in_already(error):
                self._end(transfer, self.account.refused(error))
                return
        if handle.shelf.may_be_http2:
            self.second_looks.begun.append(transfer)
        if handle.progress:
            self.idling.watch(handle.progress)
        if transfer.flow is not None:
            self.streams.open[transfer] = None

    # ---- the ends of transfers

    def reap(self) -> None:
        """End the transfers that libcurl has ended."""
        has_more = True
        while has_more and not self.ownership.is_gone:  # told somebody who has forked: the child
            self._messages.extend(map(self.multi.info_read, _MAX_MESSAGES))
            has_more = bool(self._messages[-1][0])
            self._settle()

    def _settle(self) -> None:
        """Finish the transfers that libcurl has reported as ended."""
        messages, finished, running = self._messages, self._finished, self.running
        while messages:
            _, succeeded, failed = messages[0]
            # From here on transfers count: when it is ended, a handle may be another's.
            finished.extend(
                [(running[easy], 0, "") for easy in succeeded if easy in running]
                + [(running[easy], code, text) for easy, code, text in failed if easy in running]
            )
            messages.popleft()
        while finished:
            transfer, code, text = finished[0]
            handle = transfer.handle if transfer.outcome is None else None
            if not code and handle is not None and handle.sent_on is not None:
                code, text = withdrawn(handle, self.watch)
            if code > 0 and (again := beginning(transfer, code, text)):
                finished[0] = transfer, code, _ = transfer, again, text  # what shows it, goes next
            if code:
                self._fail(transfer, code, text)
            elif handle is not None:
                shared = self.account.brief(handle, transfer.brief) if transfer.brief else None
                self._end(transfer, shared or self.account.answered(handle, transfer.request))
            else:
                self._end(transfer, None)
            finished.popleft()

    def _fail(self, transfer: Transfer, code: int, text: str) -> None:
        """End a transfer that has failed, unless it can begin again."""
        handle = transfer.handle
        if handle is None or transfer.outcome is not None:
            self._end_with(transfer, code, text)
        elif self.http2_queue.takes(transfer, handle, code):
            pass  # it waits for its turn
        elif not goes_on(self.multi, self.waits, handle, transfer.request, code, text):
            self._end_with(transfer, code, text)
        elif handle.is_parked:
            self.waits.park(transfer)
        elif handle.shelf.may_be_http2:
            self.second_looks.begun.append(transfer)

    def _end_with(self, transfer: Transfer, code: int, text: str) -> None:
        handle, outcome = transfer.handle, transfer.outcome
        if outcome is None and handle is not None:
            outcome = self.account.outcome(handle, transfer.request, code, text)
        self._end(transfer, outcome)

    def _end(self, transfer: Transfer, outcome: Outcome | None) -> None:
        """Set the outcome, give the handle back, inform the waiter; skip what was done already."""
        handle = transfer.handle
        if transfer.flow is not None and handle is not None:
            handle.settle()  # its reader may ask for them while libcurl lets go of it
        transfer.outcome = transfer.outcome or outcome
        self.ending = transfer
        if handle is not None:
            easy = handle.easy
            self.running.pop(easy, None)
            if handle.wait:
                self.waits.leave(transfer)
            try:
                self._remove(easy)
            except pycurl.error as error:
                if not is_out_already(error):
                    raise
            if self.quiet_mode.is_on:
                self.quiet_mode.leave(transfer)
            if self.http2_queue.queues:
                self.http2_queue.leave(transfer, handle)
            if transfer.flow is not None:
                self.streams.leave(transfer)
            transfer.handle = None
            self.pool.give_back(handle)
        if transfer.runs_callback:
            self.ended.append(transfer)
        else:
            transfer.deliver()
        self.ending = None

    def cancel(self, transfer: Transfer, reason: str) -> None:
        """End a transfer that is running, is waiting, or has just ended by itself."""
        outcome: Outcome | None = None
        handle = transfer.handle
        if transfer.outcome is None:
            sent = Sent.NO
            if handle is not None and handle.easy in self.running:
                sent = self.account.sent_so_far(handle, transfer.request)
            outcome = cancelled(transfer.request, reason, sent)
            self.account.cancelled += 1
        self._end(transfer, outcome)

    def cancel_all(self, reason: str) -> None:
        """End every transfer, running or waiting."""
        while self.running:
            easy, transfer = next(iter(self.running.items()))
            self.cancel(transfer, reason)
            self.running.pop(easy, None)
        while self.inbox:
            self.cancel(self.inbox[0], reason)
            self.inbox.popleft()

    def stats(self) -> Stats:
        """The statistics of the engine."""
        return self.account.stats(in_flight=len(self.running) + len(self.inbox))
