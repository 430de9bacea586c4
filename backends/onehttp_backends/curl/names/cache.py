"""What is known of names: states, events, and one table of what follows from what.

| state   | what is known                     | used without asking |
|---------|-----------------------------------|---------------------|
| UNKNOWN | nothing                           |                     |
| KNOWN   | addresses                         | for ``cache_s``     |
| MISSING | that there is no such name        | for `MISSING_S`     |
| STALE   | addresses that may be out of date | for `RETRY_S`       |

Whether a name is being asked for is another matter, and `Names` knows it. While it is, and that
takes long, addresses are used for another ``stale_s``.

An entry is never changed, only replaced, in one step: any thread may read and write without a lock.
"""

from __future__ import annotations

import enum
import itertools
import math
from dataclasses import dataclass
from typing import Final

from onehttp_backends.curl.names.lookup import Addresses, Answer, Name
from onehttp_backends.optional.naming import NameLimits

LIBCURL_CACHE_S: Final = 1
"""How long libcurl itself remembers what it was given: the least it can be told."""
MISSING_S: Final = 5.0
"""Long enough for a crowd that asks at once, short enough for who adds the name now."""
PATIENCE_S: Final = 0.5
"""How long a call waits for a fresh address while there is one that may still do."""
RETRY_S: Final = 5.0
"""How long a stale address serves before its name is asked for once more."""
MAX_NAMES: Final = 4096


class State(enum.Enum):
    """The states of a name."""

    UNKNOWN = "unknown"
    KNOWN = "known"
    MISSING = "missing"
    STALE = "stale"


class Event(enum.Enum):
    """Events that change the state of a name."""

    ADDRESSES = "addresses"
    NO_SUCH_NAME = "no such name"
    NO_ANSWER = "no answer"
    DOUBT = "doubt"
    """Nothing has answered at its addresses."""


TRANSITIONS: Final = {
    (State.UNKNOWN, Event.ADDRESSES): State.KNOWN,
    (State.UNKNOWN, Event.NO_SUCH_NAME): State.MISSING,
    (State.UNKNOWN, Event.NO_ANSWER): State.UNKNOWN,
    (State.UNKNOWN, Event.DOUBT): State.UNKNOWN,
    (State.KNOWN, Event.ADDRESSES): State.KNOWN,
    (State.KNOWN, Event.NO_SUCH_NAME): State.MISSING,
    (State.KNOWN, Event.NO_ANSWER): State.STALE,
    (State.KNOWN, Event.DOUBT): State.STALE,
    (State.MISSING, Event.ADDRESSES): State.KNOWN,
    (State.MISSING, Event.NO_SUCH_NAME): State.MISSING,
    (State.MISSING, Event.NO_ANSWER): State.UNKNOWN,
    (State.MISSING, Event.DOUBT): State.MISSING,
    (State.STALE, Event.ADDRESSES): State.KNOWN,
    (State.STALE, Event.NO_SUCH_NAME): State.MISSING,
    (State.STALE, Event.NO_ANSWER): State.STALE,
    (State.STALE, Event.DOUBT): State.STALE,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one name. Times are in seconds of the monotonic clock."""

    state: State = State.UNKNOWN
    answer: Answer | None = None
    answered_at: float = -math.inf
    until: float = -math.inf
    """The answer is used without asking until then."""


UNKNOWN: Final = Entry()


class NameCache:
    """The entries of all names."""

    def __init__(self, limits: NameLimits) -> None:
        self._limits = limits
        self._entries: dict[Name, Entry] = {}

    def __getitem__(self, name: Name) -> Entry:
        return self._entries.get(name, UNKNOWN)

    def usable(self, name: Name, now: float, asked_at: float = math.inf) -> Answer | None:
        """The answer that can be used now, if any. A lookup has been in progress since
        ``asked_at``."""
        entry = self[name]
        if now < entry.until or self.serves_from(name, asked_at) <= now:
            return entry.answer
        return None

    def serves_from(self, name: Name, asked_at: float) -> float:
        """When old addresses may be used although the name is being looked up."""
        entry = self[name]
        at = asked_at + PATIENCE_S
        return at if at < self._stale_until(entry) else math.inf

    def answered(self, name: Name, answer: Answer, now: float) -> None:
        """Note the result of a lookup."""
        entry = self[name]
        if isinstance(answer, Addresses):
            # libcurl remembers what it is given; together it is no longer than promised.
            until = now + max(0.0, self._limits.cache_s - LIBCURL_CACHE_S)
            self._put(name, entry, Event.ADDRESSES, answer, now, until)
        elif answer.is_final:
            until = now + min(MISSING_S, self._limits.cache_s)
            self._put(name, entry, Event.NO_SUCH_NAME, answer, now, until)
        else:
            until = min(now + RETRY_S, self._stale_until(entry))
            self._put(name, entry, Event.NO_ANSWER, entry.answer, entry.answered_at, until)

    def doubt(self, name: Name) -> None:
        """Note that the addresses of a name may be out of date."""
        entry = self[name]
        if entry.state is State.KNOWN:
            self._put(name, entry, Event.DOUBT, entry.answer, entry.answered_at, -math.inf)

    def _stale_until(self, entry: Entry) -> float:
        if not isinstance(entry.answer, Addresses):
            return -math.inf
        return entry.answered_at + self._limits.cache_s + self._limits.stale_s

    def _put(
        self,
        name: Name,
        before: Entry,
        event: Event,
        answer: Answer | None,
        answered_at: float,
        until: float,
    ) -> None:
        state = TRANSITIONS[before.state, event]
        if state is State.UNKNOWN:
            self._entries.pop(name, None)
            return
        if before is UNKNOWN and len(self._entries) >= MAX_NAMES:
            for oldest in tuple(itertools.islice(self._entries, 1)):
                self._entries.pop(oldest, None)
        self._entries[name] = Entry(state, answer, answered_at, until)
