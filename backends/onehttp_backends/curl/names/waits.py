"""The transfers of one multi that wait for a name, and what becomes of them.

Where libcurl would look a name up it stops, with code 42. The transfer is taken out of the multi,
waits here until its name is known, and begins again: nothing of it has been sent. It begins
once more too when the addresses refuse that were found for earlier transfers, if there are others.
Only the driver of the multi comes here, save `_tell`; as in all that it does, an exception may come
at any instruction, so each step can be taken again, and what is to be done is done before it is
crossed off.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

import pycurl

from onehttp_backends.contract import Request
from onehttp_backends.curl.libcurl import Easy, Multi, add_once, remove_once
from onehttp_backends.curl.names.cache import PATIENCE_S
from onehttp_backends.curl.names.feeder import Feeder
from onehttp_backends.curl.names.lookup import Addresses, Answer, Name, NoAddress
from onehttp_backends.curl.names.lookups import Names
from onehttp_backends.curl.names.places import Place
from onehttp_backends.curl.names.wait import Wait, Waiting
from onehttp_backends.errors import CurlCode

MAX_ROUNDS: Final = 6
"""How often a transfer may begin: for a proxy and what lies behind it, and again for each."""
_OF_NAMES: Final = frozenset(
    {
        CurlCode.ABORTED_BY_CALLBACK,  # stopped where it would look a name up
        # What that is for older ones than 8.20; and no address of the family that is wanted.
        CurlCode.COULDNT_RESOLVE_HOST,
        CurlCode.COULDNT_RESOLVE_PROXY,
        CurlCode.COULDNT_CONNECT,
        CurlCode.OPERATION_TIMEDOUT,
    }
)


class Parkable(Protocol):
    """A transfer that may wait for a name."""

    @property
    def handle(self) -> Waiting | None:
        """None once it has ended."""

    @property
    def request(self) -> Request: ...


T = TypeVar("T", bound=Parkable)


End: TypeAlias = Callable[[T, int, str], None]
"""Ends a transfer that need not wait any more, with libcurl's code and text."""


class NameWaits(Generic[T]):
    """The waiting transfers, by the names that they wait for."""

    def __init__(self, names: Names, multi: Multi, wake: Callable[[], None]) -> None:
        self.names = names
        self._multi = multi
        self._wake = wake
        self.feeder = Feeder(multi, names.revision)
        self.paused: deque[Easy] = deque()
        """Handles that have paused in front of a redirect."""
        self.open: dict[Name, dict[T, None]] = {}
        """The waiting transfers. While it is empty, a turn skips this class."""
        self._answered: deque[tuple[Name, Answer]] = deque()
        self._looks: list[tuple[float, int]] = []
        """A heap: when to look at a transfer for which nothing may have come by then."""
        self._looked_at: dict[int, T] = {}
        """Which that is; one that has ended is not kept until its time comes."""
        self._numbers = itertools.count(1)

    def refresh(self) -> bool:
        """Before transfers begin: what was to be forgotten is not used for them.

        Whether libcurl had a look at its timers meanwhile, which may have ended some.
        """
        revision = self.names.revision
        if self.feeder.revision is revision:
            return False
        self.feeder.begin_anew(revision)
        return True

    # ---- a transfer has failed

    def takes(self, handle: Waiting, request: Request, code: int, text: str) -> bool:
        """Whether a failed transfer goes on: it has begun again, or is to be parked by `park`."""
        if code not in _OF_NAMES or handle.is_stopped:
            return False
        if code == CurlCode.ABORTED_BY_CALLBACK and "resolving" not in text:
            return False
        if code == CurlCode.OPERATION_TIMEDOUT:
            if handle.wait is None or not handle.wait.is_parked:
                self._doubt(handle)
            return False
        wait = handle.wait = handle.wait or Wait(handle, request, self.names.now())
        wait.stop_at(request, handle.options, code, text)
        if handle.easy.getinfo(pycurl.REDIRECT_COUNT):
            return False  # it cannot begin again; see `Hops`
        if wait.rounds > MAX_ROUNDS or not wait.place.host:
            return False
        if code == CurlCode.COULDNT_CONNECT:
            return self._doubts(handle, wait, code, text)
        answer = self.names.usable(wait.name)
        if isinstance(answer, NoAddress):
            wait.answer = answer
            return False
        if answer:
            self._put_again(handle, wait, answer)
        else:
            wait.is_parked = True
            remove_once(self._multi, handle.easy)
        return True

    def _put_again(self, handle: Waiting, wait: Wait, addresses: Addresses) -> None:
        remove_once(self._multi, handle.easy)
        self.feeder.give(wait.place, addresses)
        self._begin_again(handle, wait, addresses)

    def _doubt(self, handle: Waiting) -> None:
        getinfo = handle.easy.getinfo
        if handle.places and not (getinfo(pycurl.NUM_CONNECTS) or getinfo(pycurl.REQUEST_SIZE)):
            place = handle.places[0]
            self.feeder.take_back(place)
            self.names.doubt(handle.name(place))

    def _doubts(self, handle: Waiting, wait: Wait, code: int, text: str) -> bool:
        entry = self.names.entry(wait.name)
        known = entry.answer
        if not isinstance(known, Addresses):
            return False
        if self.names.is_old(wait.name):
            wait.tried, wait.failure, wait.is_parked = known, (code, text), True
            remove_once(self._multi, handle.easy)
            return True
        # Somebody else has asked in the meantime: that answer has not been tried.
        has_begun_before = wait.rounds == 1 and entry.answered_at > wait.since
        if has_begun_before or known.scope != handle.scope:
            self._put_again(handle, wait, known)
            return True
        return False

    def park(self, transfer: T) -> None:
        """Let a transfer wait that `takes` has accepted."""
        wait = _wait_of(transfer)
        assert wait is not None
        self._await(transfer, wait, wait.name)
        self._look_later(transfer, wait)

    def holds(self, transfer: T) -> bool:
        """Whether a transfer waits here."""
        wait = _wait_of(transfer)
        return wait is not None and transfer in self.open.get(wait.name, ())

    def leave(self, transfer: T) -> None:
        """Remove a transfer that has ended."""
        if wait := _wait_of(transfer):
            for name in tuple(wait.asked):
                self._cross_off(transfer, wait, name)
            self._looked_at.pop(wait.look, None)

    # ---- each turn

    def turn(self, transfer_of: Callable[[Easy], T | None], end: End[T]) -> None:
        """Continue the transfers whose names are resolved, and end those that need not wait
        longer."""
        while self.paused:
            if (paused := transfer_of(self.paused[0])) is not None:
                self._hold(paused)
            self.paused.popleft()
        while self._answered:
            name, answer = self._answered[0]
            given: set[Place] = set()
            for transfer in tuple(self.open.get(name, ())):
                self._answer(transfer, name, answer, given, end)
            self._answered.popleft()
        now = self.names.now()
        while self._looks and self._looks[0][0] <= now:
            waiting = self._looked_at.get(self._looks[0][1])
            if waiting is not None:
                self._look(waiting, now, end)
            _, number = heapq.heappop(self._looks)  # what it put in comes later
            self._looked_at.pop(number, None)

    def sooner_ms(self, timeout_ms: float) -> float:
        """The shorter of ``timeout_ms`` (-1 = none) and the time until the next look is due."""
        if self._answered or self.paused:
            return 0
        if not self._looks:
            return timeout_ms
        left_ms = max(0.0, (self._looks[0][0] - self.names.now()) * 1000)
        return left_ms if timeout_ms < 0 else min(left_ms, timeout_ms)

    def close(self) -> None:
        """Remove all transfers; a lookup may still wake the driver afterwards."""
        self.names.leave_all(self._tell)

    # ---- inside

    def _tell(self, name: Name, answer: Answer) -> None:
        self._answered.append((name, answer))
        self._wake()

    def _await(self, transfer: T, wait: Wait, name: Name) -> None:
        wait.asked.add(name)
        self.open.setdefault(name, {})[transfer] = None
        if answer := self.names.ask(name, self._tell, is_doubted=wait.tried is not None):
            self._tell(name, answer)

    def _cross_off(self, transfer: T, wait: Wait, name: Name) -> None:
        waiting = self.open.get(name, {})
        waiting.pop(transfer, None)
        if not waiting and self.open.pop(name, None) is not None:
            self.names.leave(name, self._tell)
        wait.asked.discard(name)

    def _hold(self, transfer: T) -> None:
        """Look up the names that a paused transfer needs; it is resumed when all are known."""
        handle = transfer.handle
        if handle is None or handle.hops is None:
            return
        wait = handle.wait = handle.wait or Wait(handle, transfer.request, self.names.now())
        wait.is_paused = True
        for place in handle.hops.wanted:
            name = handle.name(place)
            if answer := self.names.usable(name):
                self._give_paused(handle, wait, name, answer)
            else:
                self._await(transfer, wait, name)
        self._resume(handle, wait)

    def _give_paused(self, handle: Waiting, wait: Wait, name: Name, answer: Answer) -> None:
        if isinstance(answer, NoAddress):
            wait.answer = answer
            return
        for place in handle.hops.wanted if handle.hops else ():
            if handle.name(place) == name:
                self.feeder.give(place, answer)

    def _resume(self, handle: Waiting, wait: Wait) -> None:
        if not wait.asked and handle.hops:
            handle.hops.go_on()
            wait.is_paused = False
            with contextlib.suppress(pycurl.error):  # it has ended: there is nothing to resume
                handle.easy.pause(pycurl.PAUSE_CONT)

    def _answer(
        self, transfer: T, name: Name, answer: Answer, given: set[Place], end: End[T]
    ) -> None:
        handle, wait = transfer.handle, _wait_of(transfer)
        if handle is None or wait is None:
            return
        if wait.is_paused:
            self._give_paused(handle, wait, name, answer)
            self._cross_off(transfer, wait, name)
            self._resume(handle, wait)
        elif isinstance(answer, Addresses) and not _are_among(answer, wait.tried):
            if wait.place not in given:
                self.feeder.give(wait.place, answer)
                given.add(wait.place)
            self._begin_again(handle, wait, answer)
            self._cross_off(transfer, wait, name)
        elif wait.tried:
            end(transfer, *wait.failure)
        elif isinstance(answer, NoAddress):
            wait.answer = answer
            end(transfer, CurlCode.COULDNT_RESOLVE_HOST, "")

    def _begin_again(self, handle: Waiting, wait: Wait, addresses: Addresses) -> None:
        elapsed_s = self.names.now() - wait.since
        handle.begin_again(wait.limits_s, elapsed_s, addresses.scope)
        add_once(self._multi, handle.easy)
        wait.is_parked = False

    def _look_later(self, transfer: T, wait: Wait) -> None:
        serves_from = self.names.serves_from(wait.name)
        at = min(self.names.now() + PATIENCE_S if wait.tried else serves_from, wait.deadline)
        if at < math.inf:
            number = next(self._numbers)
            self._looked_at[number] = transfer
            heapq.heappush(self._looks, (at, number))
            self._looked_at.pop(wait.look, None)
            wait.look = number

    def _look(self, transfer: T, now: float, end: End[T]) -> None:
        wait = _wait_of(transfer)
        if wait is None or not wait.is_parked or wait.name not in wait.asked:
            return
        if now >= wait.deadline and not wait.tried:
            text = f"Resolving timed out after {(now - wait.since) * 1000:.0f} milliseconds"
            end(transfer, CurlCode.OPERATION_TIMEDOUT, text)
        elif wait.tried:
            end(transfer, *wait.failure)
        elif answer := self.names.usable(wait.name):
            self._answer(transfer, wait.name, answer, set(), end)
        else:
            self._look_later(transfer, wait)


def _wait_of(transfer: Parkable) -> Wait | None:
    return None if transfer.handle is None else transfer.handle.wait


def _are_among(addresses: Addresses, tried: Addresses | None) -> bool:
    return tried is not None and set(addresses.ips) <= set(tried.ips)
