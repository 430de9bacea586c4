"""Who drives an engine: its states, the table of their transitions, and the cell of the owner.

Only one thread at a time may use a libcurl multi. Every thread that waits for a transfer is ready
to be that thread. The one that is drives the engine and is its *owner* until it leaves. (The
pattern is leader/followers: the leader drives; the followers wait for an answer or for the lead.)

Theory of operation
-------------------
1. *Owner and lock are one thing.* The cell is empty, or holds the claim of the owner. It is filled
   by one atomic step (`dict.setdefault`), whose result also says which thread was faster. So there
   is no moment at which the lock is held and no owner is known, whatever instruction a signal
   handler raises at: the claim is in the cell, and cleaning up reads the cell, not a variable.
2. *A wake-up hands nothing over.* The owner leaves first and rings a waiter then. A waiter that is
   woken, for whatever reason, looks for its outcome, tries the cell, and drives or waits again. So
   a bell that is rung twice, for nobody, or not at all costs time and nothing else.
3. *Nothing that can fail runs between leaving and ringing.* Whatever the next owner relies on (the
   inbox admitted, libcurl's timer asked) is done while the present one is still the owner.
   Callbacks are the users' code; they run after it has left.
4. *A thread that adds work first adds it and then looks at the state.* The owner looks at the inbox
   after it has noted that it sleeps, and again after it has left. One of the two sees the other.
5. *No wait is unbounded.* Every waiter looks again after `LOOK_AGAIN_S`, rung or not. If nobody
   drives then, it drives. If its own deadline has passed by that much, it ends its transfer
   itself; a caller or reader that is the owner does the same between two turns.

Why no transfer is left without a driver: each transfer that has not ended has a waiter, or a reader
that comes back for more of it. A waiter looks again after half a second at most (5), and drives
if it finds the state FREE (2). An owner is on its way back to the cell; or it is asleep, and is
woken by new work (4); or it is dead, which waiters find out (`Claim.is_lost`): they abandon the
engine, and every transfer ends with an error.

Exceptions that come out of driving are of two kinds. One that a signal handler raised, or that a
timeout library threw in from outside (its type tells), belongs to the caller that it interrupted:
every step of the engine can be repeated, so the owner leaves and the others go on. After any other
the state of the engine is unknown: it is GONE, as after a fork, and the next call makes a new one
(`Crew.crash`).
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Mapping
from threading import get_ident
from types import CodeType, FrameType
from typing import Any, Final, TypeAlias, TypeVar

import pycurl

from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.libcurl import LIBCURL
from onehttp_backends.curl.names.lookups import Names
from onehttp_backends.curl.names.waits import NameWaits
from onehttp_backends.curl.pool import HandlePool
from onehttp_backends.curl.sockets import SocketWatch
from onehttp_backends.curl.sockets.inherited import let_go_of_sockets
from onehttp_backends.curl.sockets.unseen import see
from onehttp_backends.curl.stream_refusals import MOST_STREAMS
from onehttp_backends.forks import make_immortal

Method = TypeVar("Method", bound=Callable[..., Any])
LOOK_AGAIN_S: Final = 0.5
"""How long a waiter waits before it looks again, and how far it may outlive its deadline."""


class DrivingState(enum.Enum):
    """Whether the engine has a driver, and what that is doing."""

    FREE = "nobody drives"
    DRIVEN = "somebody drives"
    ASLEEP = "its driver waits for events"
    CLOSING = "being closed"
    GONE = "gone (closed, crashed, or the parent's)"


class DrivingEvent(enum.Enum):
    """The events that change the state."""

    TAKE = "take"
    LEAVE = "leave"
    SLEEP = "sleep"
    WAKE = "wake"
    CLOSE = "close"
    LOSE = "lose"


_S: TypeAlias = DrivingState
_E: TypeAlias = DrivingEvent

TRANSITIONS: Final[Mapping[tuple[DrivingState, DrivingEvent], DrivingState]] = {
    # An event that is not listed is refused and leaves the state as it is. `Ownership` carries the
    # table out in single steps; a model test compares the two. The diagram is drawn from it.
    (_S.FREE, _E.TAKE): _S.DRIVEN,
    (_S.FREE, _E.CLOSE): _S.CLOSING,
    (_S.FREE, _E.LOSE): _S.GONE,
    # A thread that is refused here waits for its bell. The owner looks at the inbox before it
    # sleeps, and after it has left.
    (_S.DRIVEN, _E.SLEEP): _S.ASLEEP,
    (_S.DRIVEN, _E.LEAVE): _S.FREE,
    (_S.DRIVEN, _E.CLOSE): _S.CLOSING,
    (_S.DRIVEN, _E.LOSE): _S.GONE,
    # A thread that is refused here wakes the owner by its eventfd. An owner that an exception
    # interrupts leaves from here, too.
    (_S.ASLEEP, _E.WAKE): _S.DRIVEN,
    (_S.ASLEEP, _E.LEAVE): _S.FREE,
    (_S.ASLEEP, _E.CLOSE): _S.CLOSING,
    (_S.ASLEEP, _E.LOSE): _S.GONE,
    # The owner leaves at its next look; only the thread that closes may follow it.
    (_S.CLOSING, _E.LOSE): _S.GONE,
    # GONE: a new transfer ends at once with a typed error, or begins on another engine.
}


_drivers: Final[set[CodeType]] = set()


def drives(method: Method) -> Method:
    """Mark a method that drives or runs callbacks; its local variable ``claim`` is the driver's."""
    _drivers.add(method.__code__)
    return method


class Claim:
    """A driver, or a thread that wants to be one, which keeps it in its local variable
    ``claim``."""

    __slots__ = ("thread",)

    thread: int
    """Set by who puts it where other threads see it, and not by a constructor, which would cost
    more than all else that a claim takes."""

    def is_lost(self) -> bool:
        """Whether its thread has ended, or left the driving method without emptying the cell.

        This walks the frames of the thread, which is slow, so it is called on suspicion only.
        """
        frame: FrameType | None
        if self.thread == get_ident():
            frame = sys._getframe()
        else:
            frame = sys._current_frames().get(self.thread)
        while frame is not None:
            if frame.f_code in _drivers and frame.f_locals.get("claim") is self:
                return False
            frame = frame.f_back
        return True


_OWNER: Final = "owner"
_NOBODY_EVER: Final = Claim()
_NOBODY_EVER.thread = 0


class Ownership:
    """The cell of the owner, and two flags: the owner sleeps; it is to leave for good.

    Any thread may call any method, except `leave`, `is_asleep` and `lose`: those are the owner's.
    """

    __slots__ = ("_cell", "failure", "is_asleep", "is_closing", "is_gone", "turns")

    def __init__(self) -> None:
        self._cell: dict[str, Claim] = {}
        self.is_asleep = False
        """Set before the owner's last look at the inbox: work added after that wakes the owner."""
        self.is_closing = False
        self.is_gone = False
        """The engine was closed, has crashed, or belongs to the parent: it must not be used."""
        self.failure: BaseException | None = None
        """The exception it crashed with; None if it was closed, or belongs to the parent."""
        self.turns = 0
        """Counts the turns of all owners. If it stands still, the owner may be lost."""

    @property
    def owner(self) -> Claim | None:
        """The claim in the cell; None if nobody drives."""
        return self._cell.get(_OWNER)

    @property
    def state(self) -> DrivingState:
        """The present state, in the terms of `TRANSITIONS`."""
        if self.is_gone:
            return DrivingState.GONE
        if self.is_closing:
            return DrivingState.CLOSING
        if _OWNER not in self._cell:
            return DrivingState.FREE
        return DrivingState.ASLEEP if self.is_asleep else DrivingState.DRIVEN

    def is_of(self, claim: Claim) -> bool:
        """Whether ``claim`` is the one in the cell."""
        return self._cell.get(_OWNER) is claim

    def take(self, claim: Claim) -> bool:
        """Become the owner unless another is; True if ``claim`` is in the cell now."""
        claim.thread = get_ident()
        return not self.is_closing and self._cell.setdefault(_OWNER, claim) is claim

    def leave(self, claim: Claim) -> None:
        """Empty the cell if ``claim`` is in it; otherwise do nothing."""
        if self._cell.get(_OWNER) is claim:
            self.is_asleep = False
            del self._cell[_OWNER]

    def close(self, claim: Claim) -> bool:
        """Refuse new owners from now on; True if ``claim`` is the owner, and may end the engine."""
        claim.thread = get_ident()
        self.is_closing = True
        return self._cell.setdefault(_OWNER, claim) is claim

    def lose(self, failure: BaseException | None = None) -> None:
        """Refuse every owner for ever: the engine is gone."""
        self.failure = self.failure or failure
        self.is_gone = self.is_closing = True
        # An owner that forks inside `leave` (in a signal handler) deletes this entry afterwards;
        # the flags go on saying that the engine is gone.
        self._cell[_OWNER] = _NOBODY_EVER


class Owned:
    """What is owned: the multi, its sockets, the names that are looked up for it, the handles."""

    def __init__(self, max_idle_connections: int, names: Names) -> None:
        LIBCURL.initialise()
        self.ownership = Ownership()
        self.watch = SocketWatch()
        self.multi = LIBCURL.multi()
        self.waits: NameWaits[Transfer] = NameWaits(names, self.multi, self.watch.bell.twin().ring)
        self.pool = HandlePool(self.watch, self.waits.paused)
        self.multi.setopt(pycurl.M_MAXCONNECTS, max_idle_connections)
        self.multi.setopt(pycurl.M_MAX_CONCURRENT_STREAMS, MOST_STREAMS)

    def close(self) -> None:
        """Close libcurl's objects. Lookups that hang go on without anybody waiting for them."""
        self.ownership.lose()
        self.waits.close()
        self.pool.close()
        self.multi.close()
        self.watch.close()

    def leave_to_parent(self, goes_on: bool) -> None:
        """In a forked child: `abandon` it."""
        see(self.watch)
        self.abandon(goes_on)

    def abandon(self, goes_on: bool = False) -> None:
        """Let go of all descriptors, and close no handle (``goes_on``: see `let_go_of_sockets`).

        For an engine that has crashed, and one inherited through a fork, whose connections stay
        the parent's: closing our copy of a descriptor sends nothing."""
        self.ownership.lose()
        self.waits.close()
        self.make_immortal()
        self.pool.let_go()
        let_go_of_sockets(self.watch, goes_on)
        self.watch.close()

    def make_immortal(self) -> None:
        """Keep libcurl's objects from ever being finalised."""
        make_immortal(self.multi, *self.waits.feeder.made, *(each.easy for each in self.pool.made))
