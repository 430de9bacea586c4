"""Tables in the memory that all processes of the server share: ``$sht(table=>key)``."""

from __future__ import annotations

import fnmatch
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from onehttp_compat.pseudo_variables.transformations.regular_expressions import posix
from onehttp_compat.pv import as_bytes
from onehttp_compat.sip.value import Value


class SharedTables:
    """Tables by name; any name is one, where no configuration says which there are.

    Args:
        clock: seconds, for items that expire.
        names: the tables that the configuration declares, with the seconds that their items live
            (0: for ever); None: any.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, names: dict[str, int] | None = None
    ) -> None:
        self._clock = clock
        self._lifetimes = names
        self._tables: dict[str, dict[str, Value]] = {}
        self._due: dict[tuple[str, str], float] = {}
        self._changing = threading.RLock()
        """Guards the tables: the threads of a run stand for processes that share them."""
        self._iterators: dict[str, tuple[str, Iterator[str], str | None]] = {}
        self._locks: dict[str, threading.RLock] = {}

    def declare(self, names: dict[str, int]) -> None:
        """There are these tables, and no others."""
        self._lifetimes = dict(names)

    def has(self, table: str) -> bool:
        """Whether there is such a table."""
        return self._lifetimes is None or table in self._lifetimes

    def get(self, table: str, key: str) -> Value:
        """The value; None: there is none, or no more."""
        with self._changing:
            due = self._due.get((table, key))
            if due is not None and due <= self._clock():
                self.remove(table, key)
            return self._tables.get(table, {}).get(key)

    def set(self, table: str, key: str, value: Value) -> bool:
        """Write a value, None removes it; False: no such table."""
        if not self.has(table):
            return False
        with self._changing:
            if value is None:
                self.remove(table, key)
                return True
            self._tables.setdefault(table, {})[key] = value
            lifetime = (self._lifetimes or {}).get(table, 0)
            if lifetime:
                self._due[table, key] = self._clock() + lifetime
            return True

    def expire_in(self, table: str, key: str, seconds: int) -> bool:
        """Have an item end; False: there is none."""
        with self._changing:
            if self.get(table, key) is None:
                return False
            self._due[table, key] = self._clock() + seconds
            return True

    def expires_in(self, table: str, key: str) -> int | None:
        """Seconds that an item has left; 0: for ever; None: there is none."""
        with self._changing:
            if self.get(table, key) is None:
                return None
            due = self._due.get((table, key))
            return 0 if due is None else max(0, round(due - self._clock()))

    def add(self, table: str, key: str, step: int) -> int | None:
        """Count up or down; the new value, None where there is no number to count."""
        with self._changing:
            value = self.get(table, key)
            if not isinstance(value, int):
                return None
            self._tables[table][key] = value + step
            return value + step

    def remove(self, table: str, key: str) -> None:
        """Take an item out."""
        with self._changing:
            self._tables.get(table, {}).pop(key, None)
            self._due.pop((table, key), None)

    def keys(self, table: str) -> list[str]:
        """The keys of the items that live."""
        with self._changing:
            return [key for key in list(self._tables.get(table, {})) if self._is_alive(table, key)]

    def clear(self, table: str) -> None:
        """Empty a table."""
        for key in self.keys(table):
            self.remove(table, key)

    def matching(self, table: str, kind: str, wanted: str, *, is_value: bool) -> list[str]:
        """The keys of items whose name, or value, stands in a relation to ``wanted``.

        Args:
            kind: ``eq``, ``ne``, ``sw`` (starts with), ``ew``, ``in`` (holds), ``re``.

        Raises:
            UnknownVariableError: ``wanted`` is to be an expression, and is none.
        """
        expression = posix(wanted.encode()) if kind == "re" else None

        def text_of(key: str) -> str:
            value = self.get(table, key) if is_value else key
            return (
                value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
            )

        tests: dict[str, Callable[[str], bool]] = {
            "eq": lambda text: text == wanted,
            "ne": lambda text: text != wanted,
            "sw": lambda text: text.startswith(wanted),
            "ew": lambda text: text.endswith(wanted),
            "in": lambda text: wanted in text,
            "re": lambda text: bool(expression and expression.search(as_bytes(text))),
            "fn": lambda text: fnmatch.fnmatch(text, wanted),
        }
        test = tests.get(kind)
        if test is None:
            return []
        return [
            key for key in self.keys(table)
            if (not is_value or not isinstance(self.get(table, key), int)) and test(text_of(key))
        ]  # fmt: skip

    # ---- iterators by name, as scripts use them

    def start(self, iterator: str, table: str) -> bool:
        """Begin to go through a table; False: no such table."""
        if not self.has(table):
            return False
        self._iterators[iterator] = (table, iter(self.keys(table)), None)
        return True

    def next(self, iterator: str) -> bool:
        """Go on; False: at the end, or never begun."""
        table, keys, _ = self._iterators.get(iterator, ("", iter(()), None))
        key = next(keys, None)
        if table:
            self._iterators[iterator] = (table, keys, key)
        return key is not None

    def at(self, iterator: str) -> tuple[str, str | None]:
        """Table and key of the item that an iterator stands at."""
        table, _, key = self._iterators.get(iterator, ("", iter(()), None))
        return table, key

    def end(self, iterator: str) -> None:
        """Forget an iterator."""
        self._iterators.pop(iterator, None)

    def lock_for(self, table: str, key: str) -> threading.RLock:
        """The lock of a slot."""
        with self._changing:
            return self._locks.setdefault(f"{table}=>{key}", threading.RLock())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else changes anything meanwhile."""
        with self._changing:
            yield

    def _is_alive(self, table: str, key: str) -> bool:
        return self.get(table, key) is not None
