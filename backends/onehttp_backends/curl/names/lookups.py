"""Lookups under way: one for each name, each in a thread that lasts no longer than it does."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from onehttp_backends.curl.names.lookup import (
    Addresses,
    Answer,
    Lookup,
    Name,
    NoAddress,
    Told,
    at_once,
    look_up,
)
from onehttp_backends.curl.names.table import Entry, NameTable
from onehttp_backends.curl.names.threads import THREADS
from onehttp_backends.naming import NameLimits

KEPT_SHARE: Final = 8
"""One thread of so many is for names that have been found before."""
REASK_S: Final = 1.0
"""An answer younger than this is not doubted: a server that is down would cost a lookup a call."""


class Names:
    """The names of one backend. Any thread may use it.

    Args:
        look_up: asks the system; tests and threads that hang have their own.
    """

    def __init__(
        self,
        limits: NameLimits | None = None,
        look_up: Callable[[Name], Answer] = look_up,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.now = clock
        self.limits = limits or NameLimits()
        self._look_up = look_up
        # Guards all below. Reentrant, since a signal handler may come here out of here; what it
        # interrupts is written so that a second lookup is the worst that can come of it.
        self._guard = threading.RLock()
        self._table = NameTable(self.limits)
        self._running: set[Lookup] = set()
        self._line = _Line()
        self.lookups = 0
        """How many have been begun."""
        self.revision = 0
        """Another one after each `forget`."""

    @property
    def in_flight(self) -> int:
        """Lookups under way, also those nobody waits for any more."""
        return len(self._running)

    def usable(self, name: Name) -> Answer | None:
        """The answer to be used now; None: `ask`."""
        return self._table.usable(name, self.now()) or at_once(name)

    def entry(self, name: Name) -> Entry:
        """What is known of a name."""
        return self._table[name]

    def serves_from(self, name: Name) -> float:
        """When old addresses of a name that is being asked for will do."""
        table = self._table
        return table.serves_from(table[name])

    def ask(self, name: Name, told: Told, is_doubted: bool = False) -> Answer | None:
        """Have ``told`` called, once, with the answer of a lookup that ends after this.

        Returns:
            The answer, if it need not be waited for: it has come in the meantime (and is not what
            ``is_doubted``), or there can be no lookup.
        """
        with self._guard:
            if not is_doubted and (answer := self._table.usable(name, self.now())):
                return answer
            lookup = self._table[name].lookup
            if lookup is not None:
                lookup.told.add(told)
                return None
            is_known = isinstance(self._table[name].answer, Addresses)
            lookup = Lookup(name, self.now(), is_known)
            lookup.told.add(told)
            if refused := self._begin(lookup):
                return refused
            self._table.asked(name, lookup)
            return None

    def leave(self, name: Name, told: Told) -> None:
        """``told`` need not be called for ``name`` any more."""
        with self._guard:
            if lookup := self._table[name].lookup:
                lookup.told.discard(told)

    def leave_all(self, told: Told) -> None:
        """``told`` is not called any more once this has returned."""
        with self._guard:
            for lookup in (*self._running, *self._line):
                lookup.told.discard(told)

    def is_old(self, name: Name) -> bool:
        """Whether an address of ``name`` that does not work is reason to ask again."""
        return self._table[name].answered_at + REASK_S <= self.now()

    def doubt(self, name: Name) -> None:
        """Nothing has answered there in time: whoever connects next asks first."""
        with self._guard:
            if self.is_old(name):
                self._table.doubt(name)

    def forget(self, limits: NameLimits) -> None:
        """Forget all addresses; who waits is still told what is being looked up."""
        with self._guard:
            self.limits = limits
            self._table = NameTable(limits)
            self.revision += 1

    def forget_parent(self) -> None:
        """In a forked child: who looks names up, or held the lock, is not here."""
        self._guard = threading.RLock()
        self._table = NameTable(self.limits)
        self._running = set()
        self._line = _Line()
        self.lookups = 0

    def _begin(self, lookup: Lookup) -> NoAddress | None:
        if len(self._running) >= self._room(lookup):
            self._line.append(lookup)
            return None
        self._running.add(lookup)
        self.lookups += 1
        try:
            THREADS.start(self._run, lookup)
        except RuntimeError as error:
            self._running.discard(lookup)
            if not self._running:
                return NoAddress(f"cannot be looked up: {error}")
            self._line.append(lookup)  # whoever is running will see to it
        except BaseException:
            self._running.discard(lookup)
            raise
        return None

    def _run(self, lookup: Lookup) -> None:
        following: Lookup | None = lookup
        while following is not None:
            following = self._ended(following, self._look_up(following.name))

    def _ended(self, lookup: Lookup, answer: Answer) -> Lookup | None:
        """Keep and pass on an answer; the lookup that this thread goes on with, if any."""
        with self._guard:
            if self._table[lookup.name].lookup is lookup:
                self._table.answered(lookup.name, answer, self.now())
                # Where nobody has answered an old address may do.
                answer = self._table.usable(lookup.name, self.now()) or answer
            for told in lookup.told:
                told(lookup.name, answer)
            self._running.discard(lookup)
            return self._next()

    def _next(self) -> Lookup | None:
        while (lookup := self._line.first()) and len(self._running) < self._room(lookup):
            self._line.remove_first()
            if lookup.told:
                self._running.add(lookup)
                self.lookups += 1
                return lookup
            self._drop(lookup)
        return None

    def _room(self, lookup: Lookup) -> int:
        """Some is left to names that have been found before: a crowd of dead ones, in URLs that
        strangers send, does not stop them."""
        in_flight = self.limits.in_flight
        return in_flight if lookup.is_known else in_flight - in_flight // KEPT_SHARE

    def _drop(self, lookup: Lookup) -> None:
        """Nobody waits for it any more."""
        if self._table[lookup.name].lookup is lookup:
            answer = NoAddress("nobody waits for it")
            self._table.answered(lookup.name, answer, self.now())


class _Line:
    """Lookups that wait for a thread, those of known names first."""

    def __init__(self) -> None:
        self._known: deque[Lookup] = deque()
        self._others: deque[Lookup] = deque()

    def __iter__(self) -> Iterator[Lookup]:
        return itertools.chain(self._known, self._others)

    def append(self, lookup: Lookup) -> None:
        (self._known if lookup.is_known else self._others).append(lookup)

    def first(self) -> Lookup | None:
        return next(iter(self), None)

    def remove_first(self) -> None:
        (self._known or self._others).popleft()
