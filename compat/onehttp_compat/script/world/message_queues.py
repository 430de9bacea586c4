"""Queues of messages from scripts to scripts: ``mqueue``."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

UNIQUE_OLDEST, UNIQUE_NEWEST = 1, 2


@dataclass(frozen=True, slots=True)
class DeclaredQueue:
    """The declaration of a queue in a configuration."""

    size: int = 0
    """The most items that it holds; if there are more, the oldest is removed. 0 means no limit."""
    mode: int = 0
    """`UNIQUE_OLDEST` or `UNIQUE_NEWEST`: keep one item for each key, the first or the last. 0
    keeps all."""


_ANY: Final = DeclaredQueue()
Item = tuple[str, str]
"""A key and a value."""


class MessageQueues:
    """Queues by name. Without a configuration that declares queues, every name is a queue."""

    def __init__(self) -> None:
        self._declared: Mapping[str, DeclaredQueue] | None = None
        self._queues: dict[str, OrderedDict[int, Item]] = {}
        self._count = 0
        self._changing = threading.Lock()
        """Guards the queues, because the threads of a run stand for processes that share them."""

    def declare(self, declared: Mapping[str, DeclaredQueue]) -> None:
        """Declare the queues. There are no others from then on."""
        self._declared = dict(declared)

    def has(self, queue: str) -> bool:
        """Whether there is such a queue."""
        return self._declared is None or queue in self._declared

    def add(self, queue: str, key: str, value: str) -> bool:
        """Append an item. False if there is no such queue."""
        if not self.has(queue):
            return False
        declared = (self._declared or {}).get(queue, _ANY)
        with self._changing:
            items = self._queues.setdefault(queue, OrderedDict())
            same = [place for place, item in items.items() if declared.mode and item[0] == key]
            if same and declared.mode == UNIQUE_OLDEST:
                return True
            for place in same:
                del items[place]
            self._count += 1
            items[self._count] = (key, value)
            while declared.size and len(items) > declared.size:
                items.popitem(last=False)
        return True

    def take(self, queue: str) -> Item | None:
        """Remove and return the oldest item. None if there is none."""
        with self._changing:
            items = self._queues.get(queue)
            return items.popitem(last=False)[1] if items else None

    def size(self, queue: str) -> int:
        """The number of items in a queue."""
        with self._changing:
            return len(self._queues.get(queue, ()))
