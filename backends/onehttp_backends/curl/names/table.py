"""What is known of names: states, events, and one table of what follows from what.

| state       | what is known                     | asked for | asked anew when   |
|-------------|-----------------------------------|-----------|-------------------|
| UNKNOWN     | nothing                           | no        | somebody needs it |
| ASKED       | nothing                           | yes       |                   |
| KNOWN       | addresses                         | no        | `cache_s` is over |
| MISSING     | that there is no such name        | no        | `MISSING_S` is    |
| ASKED_AGAIN | addresses, should no better come  | yes       |                   |
| STALE       | addresses that may be out of date | no        | `RETRY_S` is over |

An entry is never changed, only replaced, so that any thread may read the table without a lock.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Final

from onehttp_backends.curl.names.lookup import Addresses, Answer, Lookup, Name
from onehttp_backends.naming import NameLimits

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
    """Of a name."""

    UNKNOWN = "unknown"
    ASKED = "asked"
    KNOWN = "known"
    MISSING = "missing"
    ASKED_AGAIN = "asked again"
    STALE = "stale"


class Event(enum.Enum):
    """What happens to a name."""

    ASK = "ask"
    ADDRESSES = "addresses"
    NO_SUCH_NAME = "no such name"
    NO_ANSWER = "no answer"
    DOUBT = "doubt"


TRANSITIONS: Final = {
    (State.UNKNOWN, Event.ASK): State.ASKED,
    (State.KNOWN, Event.ASK): State.ASKED_AGAIN,
    (State.MISSING, Event.ASK): State.ASKED,
    (State.STALE, Event.ASK): State.ASKED_AGAIN,
    (State.KNOWN, Event.DOUBT): State.STALE,
    (State.ASKED, Event.ADDRESSES): State.KNOWN,
    (State.ASKED, Event.NO_SUCH_NAME): State.MISSING,
    (State.ASKED, Event.NO_ANSWER): State.UNKNOWN,
    (State.ASKED_AGAIN, Event.ADDRESSES): State.KNOWN,
    (State.ASKED_AGAIN, Event.NO_SUCH_NAME): State.MISSING,
    (State.ASKED_AGAIN, Event.NO_ANSWER): State.STALE,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one name. Times are of the monotonic clock, in seconds."""

    state: State = State.UNKNOWN
    answer: Answer | None = None
    answered_at: float = -math.inf
    until: float = -math.inf
    """The answer is used unasked until then."""
    lookup: Lookup | None = None
    """Under way, or waiting for a thread."""


UNKNOWN: Final = Entry()


class NameTable:
    """The entries of all names. One thread at a time may change it, any may read it."""

    def __init__(self, limits: NameLimits) -> None:
        self.limits = limits
        self._entries: dict[Name, Entry] = {}

    def __getitem__(self, name: Name) -> Entry:
        return self._entries.get(name, UNKNOWN)

    def usable(self, name: Name, now: float) -> Answer | None:
        """The answer to be used now, if any."""
        entry = self[name]
        if now < entry.until or self.serves_from(entry) <= now:
            return entry.answer
        return None

    def serves_from(self, entry: Entry) -> float:
        """When the addresses of a name that is being asked for again are used all the same."""
        if entry.state is not State.ASKED_AGAIN or entry.lookup is None:
            return math.inf
        at = entry.lookup.asked_at + PATIENCE_S
        return at if at < self._stale_until(entry) else math.inf

    def asked(self, name: Name, lookup: Lookup) -> None:
        """A lookup has begun."""
        entry = self[name]
        self._put(name, entry, Event.ASK, entry.answer, entry.answered_at, -math.inf, lookup)

    def doubt(self, name: Name) -> None:
        """Its addresses may be of no use any more."""
        entry = self[name]
        if entry.state is State.KNOWN:
            self._put(name, entry, Event.DOUBT, entry.answer, entry.answered_at, -math.inf)

    def answered(self, name: Name, answer: Answer, now: float) -> None:
        """The lookup of ``name`` has ended."""
        entry = self[name]
        if isinstance(answer, Addresses):
            # libcurl remembers what it is given; together it is no longer than promised.
            until = now + max(0.0, self.limits.cache_s - LIBCURL_CACHE_S)
            self._put(name, entry, Event.ADDRESSES, answer, now, until)
        elif answer.is_final:
            until = now + min(MISSING_S, self.limits.cache_s)
            self._put(name, entry, Event.NO_SUCH_NAME, answer, now, until)
        else:
            until = min(now + RETRY_S, self._stale_until(entry))
            self._put(name, entry, Event.NO_ANSWER, entry.answer, entry.answered_at, until)

    def _stale_until(self, entry: Entry) -> float:
        return entry.answered_at + self.limits.cache_s + self.limits.stale_s

    def _put(
        self,
        name: Name,
        before: Entry,
        event: Event,
        answer: Answer | None,
        answered_at: float,
        until: float,
        lookup: Lookup | None = None,
    ) -> None:
        state = TRANSITIONS[before.state, event]
        if state is State.UNKNOWN:
            self._entries.pop(name, None)
            return
        if before is UNKNOWN and len(self._entries) >= MAX_NAMES:
            self._forget_oldest()
        self._entries[name] = Entry(state, answer, answered_at, until, lookup)

    def _forget_oldest(self) -> None:
        for name, entry in self._entries.items():
            if entry.lookup is None:
                del self._entries[name]
                return
