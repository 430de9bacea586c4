"""Lookups under way: one for each name, each in a thread that lasts no longer than it does.

Nothing here takes a lock: drivers come here, and an exception that hits one of them while it holds
a lock (out of a signal handler) would hold up all others for ever. What several threads change is
changed in single steps of the interpreter's, and whoever puts something in looks afterwards
whether the other side has seen it:

| who                 | first                            | then                                 |
|---------------------|----------------------------------|--------------------------------------|
| who asks            | puts the lookup in the line      | starts a thread if there is room     |
| a thread that ends  | makes room                       | looks at the line                    |
| who joins a lookup  | adds itself to those to be told  | looks whether it is over             |
| who ends a lookup   | says that it is over             | takes out and tells one by one       |
"""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from onehttp_backends.curl.names.cache import Entry, NameCache
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
from onehttp_backends.curl.names.threads import THREADS
from onehttp_backends.optional.naming import NameLimits

KEPT_SHARE: Final = 8
"""One thread of so many is for names that have been found before."""
REASK_S: Final = 1.0
"""An answer younger than this is not doubted: a server that is down would cost a lookup a call."""


class Names:
    """The names of one backend. Any thread may use it.

    Args:
        look_up: asks the system's resolver.
        clock: the monotonic clock.
    """

    def __init__(
        self,
        limits: NameLimits | None = None,
        look_up: Callable[[Name], Answer] = look_up,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.now = clock
        self._look_up = look_up
        self.forget(limits or NameLimits())
        self.forget_parent()

    def forget(self, limits: NameLimits) -> None:
        """Forget all addresses. Lookups in progress still answer those who wait for them."""
        self.limits = limits
        self.revision = object()
        """Another one after each `forget`: answers to what was asked before are not kept."""
        self._cache = NameCache(limits)
        self._asked: dict[Name, Lookup] = {}

    def forget_parent(self) -> None:
        """In a forked child: the threads of lookups do not exist here."""
        self.forget(self.limits)
        self._running: list[Lookup] = []
        """One entry for each thread. Two threads may have come for the same lookup: the one that
        finds it taken removes its own entry, and that of the other stays."""
        self._line = _Line()
        self._numbers = itertools.count(1)
        self.lookups = 0
        """How many have been begun."""

    @property
    def in_flight(self) -> int:
        """Lookups in progress, including those that nobody waits for any more."""
        return len(self._running)

    def usable(self, name: Name) -> Answer | None:
        """The answer that can be used now; None if it must be asked for."""
        return self._cache.usable(name, self.now(), self._asked_at(name)) or at_once(name)

    def entry(self, name: Name) -> Entry:
        """What is known of a name."""
        return self._cache[name]

    def serves_from(self, name: Name) -> float:
        """When old addresses of a name may be used although it is being looked up."""
        return self._cache.serves_from(name, self._asked_at(name))

    def ask(self, name: Name, told: Told, is_doubted: bool = False) -> Answer | None:
        """Have ``told`` called once, with the answer of a lookup that ends after this call.

        Returns:
            The answer, if there is no need to wait: it has arrived in the meantime (and is not the
                one
            that ``is_doubted``), or there can be no lookup.
        """
        while True:
            answer = self._cache.usable(name, self.now(), self._asked_at(name))
            if answer and not is_doubted:
                return answer
            lookup = self._asked.get(name)
            if lookup:
                lookup.told.add(told)
            else:
                lookup = self._put_in_line(name, told)
            if lookup is None:
                return None
            if refused := self._start(lookup):
                return refused
            if not lookup.is_over:
                return None
            try:
                lookup.told.remove(told)
            except KeyError:
                return None  # is being told
            if lookup.answer:
                return lookup.answer

    def leave(self, name: Name, told: Told) -> None:
        """``told`` need not be called for ``name`` any more."""
        if lookup := self._asked.get(name):
            lookup.told.discard(told)

    def leave_all(self, told: Told) -> None:
        """``told`` need not be called any more; a call that has begun may still come."""
        for lookup in (*tuple(self._running), *self._line.waiting()):
            lookup.told.discard(told)

    def is_old(self, name: Name) -> bool:
        """Whether to look ``name`` up again because an address of it does not work."""
        return self._cache[name].answered_at + REASK_S <= self.now()

    def doubt(self, name: Name) -> None:
        """Note that nothing answered there in time: the next connection is preceded by a lookup."""
        if self.is_old(name):
            self._cache.doubt(name)

    # ---- on the side of those who ask

    def _asked_at(self, name: Name) -> float:
        lookup = self._asked.get(name)
        return lookup.asked_at if lookup else math.inf

    def _put_in_line(self, name: Name, told: Told) -> Lookup | None:
        """The lookup that others will find, with ``told`` in it; None if ``told`` was called
        already."""
        is_known = isinstance(self._cache[name].answer, Addresses)
        lookup = Lookup(name, self.now(), is_known, self.revision)
        lookup.told.add(told)
        # In the line before it is known to others: one that nobody serves would stay for ever.
        self._line.put(lookup)
        first = self._asked.setdefault(name, lookup)
        if first is not lookup:
            try:
                lookup.told.remove(told)
            except KeyError:  # a thread was faster
                return None
            first.told.add(told)
        return first

    def _start(self, lookup: Lookup) -> NoAddress | None:
        """Start a thread for it if there is room; otherwise it waits in the queue."""
        if lookup in self._running or lookup.is_over or not self._has_room(lookup):
            return None
        try:
            self._running.append(lookup)
            THREADS.start(self._work, lookup)
        except RuntimeError as error:
            self._left(lookup)
            if self._running:
                return None  # one of those will see to it
            answer = NoAddress(f"cannot be looked up: {error}")
            self._end(lookup, answer)
            self._line.take(lookup)
            return answer
        except BaseException:
            self._left(lookup)
            raise
        return None

    def _has_room(self, lookup: Lookup) -> bool:
        """Whether another thread may be started. Some are reserved for names that were found
        before.

        So names that do not exist, in URLs from strangers, cannot stop all other lookups.
        """
        in_flight = self.limits.in_flight
        room = in_flight if lookup.is_known else in_flight - in_flight // KEPT_SHARE
        return len(self._running) < room

    # ---- in the threads

    def _work(self, lookup: Lookup) -> None:
        following: Lookup | None = lookup
        while following is not None:
            if self._line.take(following):  # otherwise it has another thread
                self.lookups = max(self.lookups, next(self._numbers))
                self._end(following, self._look_up(following.name))
            self._left(following)
            following = self._next()

    def _next(self) -> Lookup | None:
        while lookup := self._line.first():
            if not self._has_room(lookup):
                return None
            if lookup.told:
                self._running.append(lookup)
                return lookup
            self._end(lookup, None)
            self._line.take(lookup)
        return None

    def _left(self, lookup: Lookup) -> None:
        """A thread is done with it."""
        # It is not there where an exception has hit the caller that had just started the thread.
        with contextlib.suppress(ValueError):
            self._running.remove(lookup)

    def _end(self, lookup: Lookup, answer: Answer | None) -> None:
        """Keep the answer and pass it on; None if nobody waits for the lookup, so none was made."""
        name = lookup.name
        if answer and lookup.revision is self.revision:
            self._cache.answered(name, answer, self.now())
            # Where nobody has answered an old address may do.
            answer = self._cache.usable(name, self.now()) or answer
        lookup.answer = answer
        lookup.is_over = True
        if self._asked.get(name) is lookup:
            self._asked.pop(name, None)
        while answer and lookup.told:
            try:
                told = lookup.told.pop()
            except KeyError:  # has just left
                return
            told(name, answer)


class _Line:
    """Lookups that wait for a thread; those of known names come first."""

    def __init__(self) -> None:
        self._known: deque[Lookup] = deque()
        self._others: deque[Lookup] = deque()

    def waiting(self) -> tuple[Lookup, ...]:
        return (*tuple(self._known), *tuple(self._others))

    def put(self, lookup: Lookup) -> None:
        self._deque_of(lookup).append(lookup)

    def first(self) -> Lookup | None:
        for waiting in (self._known, self._others):
            try:
                return waiting[0]
            except IndexError:
                continue
        return None

    def take(self, lookup: Lookup) -> bool:
        """Remove a lookup; False if another thread has done so."""
        try:
            self._deque_of(lookup).remove(lookup)
        except ValueError:
            return False
        return True

    def _deque_of(self, lookup: Lookup) -> deque[Lookup]:
        return self._known if lookup.is_known else self._others
