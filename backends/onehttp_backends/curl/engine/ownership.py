"""Who drives an engine: its states, their table, and the one cell that says whose turn it is.

libcurl lets one thread at a time use a multi. Whoever waits for a transfer is ready to be that
thread; who is, is the engine's *owner* until it leaves. (The pattern is known as
leader/followers: the leader drives, the followers wait for an answer or for the lead.)

Theory of operation
-------------------
1. *Owner and lock are one thing.* The cell is empty, or holds the claim of the owner; it is filled
   by one atomic step (`dict.setdefault`), which also says who was faster. There is no moment in
   which somebody has the lock and nobody is its owner, at whatever instruction a signal handler
   raises: the claim is in the cell, and cleaning up asks the cell, not a variable.
2. *A wake-up gives nothing away.* The owner leaves first, then rings somebody. Whoever is woken, or
   comes by chance, looks for its outcome, tries the cell, and drives or waits again: an ordinary
   turn. So a bell that is rung twice, for nobody, or not at all loses nothing but time.
3. *Nothing that can fail runs between having left and having rung.* What the next one must know
   (the inbox admitted, libcurl's timer asked) is done by the owner while it is the owner;
   callbacks, which are other people's code, run when it has left.
4. *Who adds work adds it first and looks at the state then*; the owner looks at the inbox after it
   has said that it sleeps, and after it has left. One of the two sees the other.
5. *No wait without a bound.* Every waiter looks again after `LOOK_AGAIN_S`, whether or not it was
   rung. If nobody drives, it does. Once its own deadline is over by that much, it ends by itself.
   So does who drives, between two turns.

Why no transfer is left without a driver: a transfer that has not ended has somebody who waits for
it, or a reader who comes back for more of it; who waits looks again after half a second at most
(5); who looks while the state is FREE drives (2); an owner is on its way back to the cell, or
asleep, and then woken by what comes (4), or gone, and then found out (`Claim.is_lost`), and the
engine abandoned with an error for every transfer.

An exception that comes out of driving is one of two kinds. What a signal handler raised, or a
timeout library from outside (told by its type), belongs to the caller it hit: every step of the
engine can be done again, so the owner leaves and the others go on. Anything else means that the
state of the engine is not known: it is GONE, as after a fork, and the next call makes another
(`Helm.crash`).
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Mapping
from threading import get_ident
from types import CodeType, FrameType
from typing import Any, Final, TypeAlias, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])
LOOK_AGAIN_S: Final = 0.5
"""How long anybody waits before looking again, and how far a waiter outlives its deadline."""


class DrivingState(enum.Enum):
    """Whether somebody drives the engine."""

    FREE = "nobody drives"
    DRIVEN = "somebody drives"
    ASLEEP = "its driver waits for events"
    CLOSING = "being closed"
    GONE = "gone (closed, crashed, or the parent's)"


class DrivingEvent(enum.Enum):
    """What happens to the ownership of driving."""

    TAKE = "take"
    LEAVE = "leave"
    SLEEP = "sleep"
    WAKE = "wake"
    CLOSE = "close"
    LOSE = "lose"


_S: TypeAlias = DrivingState
_E: TypeAlias = DrivingEvent

TRANSITIONS: Final[Mapping[tuple[DrivingState, DrivingEvent], DrivingState]] = {
    # An event that is not listed is refused, and leaves the state as it is. `Ownership` does in
    # single steps what this says; the model test walks both, and the diagram is drawn from it.
    (_S.FREE, _E.TAKE): _S.DRIVEN,
    (_S.FREE, _E.CLOSE): _S.CLOSING,
    (_S.FREE, _E.LOSE): _S.GONE,
    # Who is refused here waits for its bell. The owner looks at the inbox before it sleeps, and
    # after it has left.
    (_S.DRIVEN, _E.SLEEP): _S.ASLEEP,
    (_S.DRIVEN, _E.LEAVE): _S.FREE,
    (_S.DRIVEN, _E.CLOSE): _S.CLOSING,
    (_S.DRIVEN, _E.LOSE): _S.GONE,
    # Who is refused here wakes the owner by its eventfd. An interrupted one leaves from here too.
    (_S.ASLEEP, _E.WAKE): _S.DRIVEN,
    (_S.ASLEEP, _E.LEAVE): _S.FREE,
    (_S.ASLEEP, _E.CLOSE): _S.CLOSING,
    (_S.ASLEEP, _E.LOSE): _S.GONE,
    # The owner leaves at its next look, and only who closes may come after it.
    (_S.CLOSING, _E.LOSE): _S.GONE,
    # GONE: whatever comes ends at once with a typed error, or begins with another engine.
}


_drivers: Final[set[CodeType]] = set()


def drives(method: Method) -> Method:
    """A method that drives, or runs callbacks: its local variable ``claim`` says for whom."""
    _drivers.add(method.__code__)
    return method


class Claim:
    """Somebody who drives, or wants to. Kept in the local variable ``claim`` of who does."""

    __slots__ = ("thread",)

    def __init__(self) -> None:
        self.thread = get_ident()

    def is_lost(self) -> bool:
        """Whether its thread has ended, or has left what drives without leaving the cell.

        Looks through the frames of the thread: slow, and asked when there is a suspicion only.
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
    """The cell, and the two things that are true of its owner: it sleeps, it is to leave for good.

    Any thread may call any method; `leave`, `is_asleep` and `lose` are the owner's.
    """

    __slots__ = ("_cell", "failure", "is_asleep", "is_closing", "is_gone", "turns")

    def __init__(self) -> None:
        self._cell: dict[str, Claim] = {}
        self.is_asleep = False
        """Set before the last look at the inbox: who fills it from then on wakes the owner."""
        self.is_closing = False
        self.is_gone = False
        """Closed, crashed, or inherited through a fork: nothing of it may be used any more."""
        self.failure: BaseException | None = None
        """What it has crashed with; None if it was closed, or is the parent's."""
        self.turns = 0
        """How often an owner has come round: one who stands still may be lost."""

    @property
    def owner(self) -> Claim | None:
        """Whose turn it is."""
        return self._cell.get(_OWNER)

    @property
    def state(self) -> DrivingState:
        """Where the table has it."""
        if self.is_gone:
            return DrivingState.GONE
        if self.is_closing:
            return DrivingState.CLOSING
        if _OWNER not in self._cell:
            return DrivingState.FREE
        return DrivingState.ASLEEP if self.is_asleep else DrivingState.DRIVEN

    def is_of(self, claim: Claim) -> bool:
        """Whether this claim is the owner's."""
        return self._cell.get(_OWNER) is claim

    def take(self, claim: Claim) -> bool:
        """Become the owner, unless there is one (True too for the owner itself)."""
        return not self.is_closing and self._cell.setdefault(_OWNER, claim) is claim

    def leave(self, claim: Claim) -> None:
        """Be the owner no longer; nothing happens if one is not."""
        if self._cell.get(_OWNER) is claim:
            self.is_asleep = False
            del self._cell[_OWNER]

    def close(self, claim: Claim) -> bool:
        """Let nobody take it any more; True when ``claim`` is the owner, and may end it."""
        self.is_closing = True
        return self._cell.setdefault(_OWNER, claim) is claim

    def lose(self, failure: BaseException | None = None) -> None:
        """It is over: nobody will ever own this again."""
        self.failure = self.failure or failure
        self.is_gone = self.is_closing = True
        # An owner that was just leaving, and has forked in that moment, empties the cell after.
        self._cell[_OWNER] = _NOBODY_EVER
