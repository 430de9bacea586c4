"""Tables in the shared memory of the server's processes: ``$sht(table=>key)``."""

from __future__ import annotations

import fnmatch
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from onehttp_compat.pseudo_variables.transformations.regular_expressions import posix
from onehttp_compat.pv import as_bytes
from onehttp_compat.sip.value import Value


@dataclass(frozen=True, slots=True)
class TableDeclaration:
    """The declaration of a table in a configuration."""

    lifetime: int = 0
    """Seconds until its items expire. 0 means never, even if a script sets a time for one of
    them."""
    is_renewed: bool = True
    """Writing a value starts the lifetime again."""
    initial: int | None = None
    """The value that is read, and counted from, if there is no item."""


_ANY: Final = TableDeclaration()


class SharedTables:
    """Tables by name. Without a configuration that declares tables, every name is a table.

    Args:
        clock: a clock in seconds, for items that expire.
        declared: the tables that exist; None: any name.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        declared: Mapping[str, TableDeclaration] | None = None,
    ) -> None:
        self._clock = clock
        self._declared = declared
        self._tables: dict[str, dict[str, Value]] = {}
        self._due: dict[tuple[str, str], float] = {}
        self._changing = threading.RLock()
        """Guards the tables, because the threads of a run stand for processes that share them."""
        self._iterators: dict[str, tuple[str, Iterator[str], str | None]] = {}
        self._locks: dict[str, threading.RLock] = {}

    def declare(self, declared: Mapping[str, TableDeclaration]) -> None:
        """Declare the tables. There are no others from then on."""
        self._declared = dict(declared)

    def has(self, table: str) -> bool:
        """Whether there is such a table."""
        return self._declared is None or table in self._declared

    def has_initial(self, table: str) -> bool:
        """Whether the table has an initial value."""
        return self._said_of(table).initial is not None

    def get(self, table: str, key: str) -> Value:
        """Return the value, or the initial one of the table. None if there is none."""
        value = self._item(table, key)
        return self._said_of(table).initial if value is None else value

    def set(self, table: str, key: str, value: Value) -> bool:
        """Write a value, or remove it with None. False if there is no such table."""
        if not self.has(table):
            return False
        with self._changing:
            if value is None:
                self.remove(table, key)
                return True
            said = self._said_of(table)
            if said.lifetime and (said.is_renewed or self._item(table, key) is None):
                self._due[table, key] = self._clock() + said.lifetime
            self._tables.setdefault(table, {})[key] = value
            return True

    def expire_in(self, table: str, key: str, seconds: int) -> bool:
        """Set when an item expires. False if there is no such item."""
        with self._changing:
            if self._item(table, key) is None:
                return False
            if self._declared is None or self._said_of(table).lifetime:
                self._due[table, key] = self._clock() + seconds
            return True

    def expires_in(self, table: str, key: str) -> int | None:
        """Seconds until an item expires. 0 means never, or that there is no item; None, that there
        is no table."""
        with self._changing:
            if not self.has(table):
                return None
            self._item(table, key)
            due = self._due.get((table, key))
            return 0 if due is None else max(0, round(due - self._clock()))

    def add(self, table: str, key: str, step: int) -> int | None:
        """Add to a number. Returns the new value, or None if the item is not a number."""
        with self._changing:
            value = self.get(table, key)
            if not isinstance(value, int) or not self.set(table, key, value + step):
                return None
            return value + step

    def remove(self, table: str, key: str) -> None:
        """Remove an item."""
        with self._changing:
            self._tables.get(table, {}).pop(key, None)
            self._due.pop((table, key), None)

    def keys(self, table: str) -> list[str]:
        """The keys of the items that have not expired."""
        with self._changing:
            return [key for key in list(self._tables.get(table, {})) if self._is_alive(table, key)]

    def clear(self, table: str) -> None:
        """Empty a table."""
        for key in self.keys(table):
            self.remove(table, key)

    def matching(self, table: str, kind: str, wanted: str, *, is_value: bool) -> list[str]:
        """The keys of items whose name, or value, matches ``wanted``.

        Args:
            kind: ``eq``, ``ne``, ``sw`` (starts with), ``ew`` (ends with), ``in`` (contains),
                ``re``.

        Raises:
            UnknownVariableError: ``wanted`` is not a valid regular expression.
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
        """Start an iterator over a table. False if there is no such table."""
        if not self.has(table):
            return False
        self._iterators[iterator] = (table, iter(self.keys(table)), None)
        return True

    def next(self, iterator: str) -> bool:
        """Move an iterator on. False at the end, or if it was not started."""
        table, keys, _ = self._iterators.get(iterator, ("", iter(()), None))
        key = next(keys, None)
        if table:
            self._iterators[iterator] = (table, keys, key)
        return key is not None

    def at(self, iterator: str) -> tuple[str, str | None]:
        """Return the table and the key of the item that an iterator points to."""
        table, _, key = self._iterators.get(iterator, ("", iter(()), None))
        return table, key

    def end(self, iterator: str) -> bool:
        """Remove an iterator. False if there is none."""
        return self._iterators.pop(iterator, None) is not None

    def lock_for(self, table: str, key: str) -> threading.RLock:
        """Return the lock of a slot."""
        with self._changing:
            return self._locks.setdefault(f"{table}=>{key}", threading.RLock())

    @contextmanager
    def held(self) -> Iterator[None]:
        """While this is active, no other thread changes the tables."""
        with self._changing:
            yield

    def _item(self, table: str, key: str) -> Value:
        """Return the value of an item that has not expired."""
        with self._changing:
            due = self._due.get((table, key))
            if due is not None and due <= self._clock():
                self.remove(table, key)
            return self._tables.get(table, {}).get(key)

    def _is_alive(self, table: str, key: str) -> bool:
        return self._item(table, key) is not None

    def _said_of(self, table: str) -> TableDeclaration:
        return _ANY if self._declared is None else self._declared.get(table, _ANY)
