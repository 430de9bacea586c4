"""What a legacy module can use of the server process that it is part of."""

from __future__ import annotations

import functools
import logging
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, MutableMapping
from typing import TypeAlias
from weakref import WeakValueDictionary

import onehttp
from onehttp import ConnectionSpec, Result, UnknownRouteError
from onehttp_compat.calls.observed_call import Observer
from onehttp_compat.calls.warning import LegacyWarnings
from onehttp_compat.parameters import LegacyBugs
from onehttp_compat.pv import PvStore, RefusedValueError, Variable, as_bytes

_log = logging.getLogger("onehttp_compat")

ScriptRoute: TypeAlias = Callable[[Result, bool], object]
"""A route of the script. The second argument says whether it runs in a resumed transaction."""


class Counters(MutableMapping[str, int]):
    """The counters of the modules, by ``group.name``."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._adding = threading.Lock()
        _counting[id(self)] = self

    def add(self, name: str, by: int = 1) -> None:
        """Add to a counter. It needs a lock, because callbacks count in other threads."""
        with self._adding:
            self._numbers[name] += by

    def begin_in_child(self) -> None:
        """Replace the lock in a forked child. A thread of the parent may have held it during the
        fork, and it would never be released here."""
        self._adding = threading.Lock()

    def __getitem__(self, name: str) -> int:
        return self._numbers[name]

    def __setitem__(self, name: str, value: int) -> None:
        self._numbers[name] = value

    def __delitem__(self, name: str) -> None:
        del self._numbers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


_counting: WeakValueDictionary[int, Counters] = WeakValueDictionary()


def _after_fork_in_child() -> None:
    for counters in list(_counting.values()):
        counters.begin_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)


class LegacyProcess(ABC):
    """Variables, counters and settings of one emulated server process."""

    def __init__(
        self,
        legacy_bugs: LegacyBugs,
        store: PvStore | None,
        reuse: bool,
        counters: Counters | None = None,
    ) -> None:
        self.legacy_bugs: LegacyBugs = legacy_bugs
        self.is_faithful = legacy_bugs == "faithful"
        self.reuse = reuse
        self.pv = store or PvStore()
        self.counters = Counters() if counters is None else counters
        self.warnings = LegacyWarnings()
        self.observers: list[Observer] = []
        self.pv.register("rc", lambda _: self.return_code)
        self.pv.register("retcode", lambda _: self.return_code)
        self.find_route: Callable[[str], ScriptRoute | None] = _registered_route
        """Finds a route of the script by name. By default it looks among those registered with
        onehttp."""
        self.find_result_route: Callable[[str], ScriptRoute | None] = _registered_route
        """The same for routes that take a `Result`, which a script gives to `onehttp.submit`."""
        self.settings_of_next_query: Callable[[], object] = lambda: None
        """The settings that the script has made for its next asynchronous query."""
        self._declared: dict[str, ConnectionSpec] = {}
        self.has_started = False
        self.has_warned_of_null = False

    @abstractmethod
    def start(self) -> None:
        """Check the configuration as a whole and read the files that it names.

        Raises:
            ConfigurationError: the real server would refuse to start.
        """

    @property
    def return_code(self) -> int:
        """``$rc``: the return code of the last function that a native script has called in this
        thread."""
        return self.pv.process.return_code

    @return_code.setter
    def return_code(self, code: int) -> None:
        self.pv.process.return_code = code

    def has_declared(self, spec: ConnectionSpec) -> bool:
        """Whether the modules themselves have declared this connection. Each module knows its
        own."""
        own = self._declared.get(spec.name)
        return own is not None and own.options is spec.options

    def write_result(self, result: Variable, value: bytes) -> None:
        """Write the result of a call to its variable. A value that the variable refuses is only
        logged."""
        try:
            self.pv.write(result, value)
        except RefusedValueError as error:
            _log.error("%s", error)

    def result_writer(self, result: Variable) -> Callable[[bytes], None]:
        """Return a function that does what `write_result` does, for many results."""
        return self.pv.fast_writer(result) or functools.partial(self.write_result, result)

    def body(self, text: str) -> bytes:
        """A body as the modules return it: in faithful mode only up to the first NUL (B37)."""
        data = as_bytes(text)
        return data.partition(b"\0")[0] if self.is_faithful else data


def _registered_route(name: str) -> ScriptRoute | None:
    try:
        route = onehttp.find_route(name)
    except UnknownRouteError:
        return None

    def run(result: Result, is_suspended: bool) -> object:
        return route(result)

    return run
