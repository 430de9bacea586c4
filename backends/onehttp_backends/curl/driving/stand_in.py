"""A thread that drives while the source of a body keeps the thread or loop that would.

An iterator may wait for what the server says to the piece before. libcurl reads ahead of what the
socket takes, and an HTTP/2 server takes no more than it has allowed, so some of that piece may not
be sent yet. Then the caller waits in the iterator, and nobody sends the rest.

The thread looks every `TICK_S` while sources are asked, and drives only when one of them has taken
that long. When no source was asked for some time, the thread ends.
"""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol

from onehttp_backends.curl.driving.interrupts import is_interrupt
from onehttp_backends.curl.engine.engine import Engine
from onehttp_backends.curl.engine.ownership import LOOK_AGAIN_S, Claim, Ownership, drives
from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl_build import check_kernel_waits

TICK_S: Final = 0.005
MOST_IDLE_TICKS: Final = 40


class Crewed(Protocol):
    """The part of the crew that the thread uses; see `Crew`."""

    engine: Engine
    ownership: Ownership

    def leave(self, claim: Claim, delivers: bool = True) -> None: ...
    def recover(self, error: BaseException, claim: Claim) -> None: ...


class StandIn:
    """Drives for transfers whose sources are being asked for more of their bodies."""

    def __init__(self, crew: Crewed) -> None:
        self._crew = crew
        self._asked: dict[Transfer, None] = {}
        self._is_there = False
        self._drives = False
        self.asks = 0
        """Counts what sources are asked. While it stands still, one of them may be waiting."""

    def begin(self, transfer: Transfer) -> None:
        """Note that the source of its body is asked from now on, by the calling thread."""
        self._asked[transfer] = None
        if not self._is_there:
            self._start()
        elif self._drives and self._crew.ownership.is_asleep and self._crew.engine.inbox:
            self._crew.engine.watch.wake()

    def end(self, transfer: Transfer) -> None:
        """Note that its source has answered; the calling thread can drive again."""
        self._asked.pop(transfer, None)
        if self._drives and self._crew.ownership.is_asleep:
            self._crew.engine.watch.wake()

    def _start(self) -> None:
        self._is_there = True
        try:
            check_kernel_waits()
            threading.Thread(target=self._live, name="onehttp-stand-in", daemon=True).start()
        except BaseException as error:
            self._is_there = False
            if is_interrupt(error):
                raise
            # No more threads can be had. Nearly always the source answers by itself.

    def _live(self) -> None:
        ownership, seen, idle = self._crew.ownership, -1, 0
        while idle < MOST_IDLE_TICKS and not ownership.is_gone:
            time.sleep(TICK_S)
            idle = 0 if self._is_waited_for() else idle + 1
            if not idle and self.asks == seen:
                self._drive()
            seen = self.asks
        self._is_there = False
        if self._is_waited_for() and not ownership.is_gone:
            self._start()  # since the last look

    def _is_waited_for(self) -> bool:
        # An interrupted caller may have left its transfer there, but that has ended then.
        return any(transfer.outcome is None for transfer in list(self._asked))

    @drives
    def _drive(self) -> None:
        engine, ownership, claim = self._crew.engine, self._crew.ownership, Claim()
        try:
            if not ownership.take(claim):
                return
            self._drives = True
            while self._is_waited_for() and not (
                ownership.is_closing or ownership.is_gone or engine.ended
            ):
                engine.turn(LOOK_AGAIN_S)
            self._drives = False
            self._crew.leave(claim, delivers=False)
        except BaseException as error:  # noqa: BLE001 - `recover` tells everybody whom it concerns
            self._drives = False
            self._crew.recover(error, claim)
