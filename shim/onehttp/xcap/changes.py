"""Callbacks for changes of documents."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

_log = logging.getLogger("onehttp.xcap")


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentChange:
    """A document that has changed, been added or been removed."""

    doc_type: int
    """The `DocType` of the document; 0 if its application usage has none."""
    xid: str
    """The user that the document belongs to; empty for the global tree."""
    url: str
    etag: str | None
    body: bytes = field(repr=False)
    is_removed: bool = False
    """Whether the server does not have it any more; ``body`` is empty and ``etag`` None then."""


Callback: TypeAlias = Callable[[DocumentChange], object]


class Listeners:
    """Callbacks with the types of documents that they are for, newest first."""

    def __init__(self) -> None:
        self._callbacks: tuple[tuple[int | None, Callback], ...] = ()

    def add(self, callback: Callback, types: int | None = None) -> Callable[[], None]:
        """Call ``callback`` for changes of these types (None: all); the result ends that."""
        entry = (types, callback)
        self._callbacks = (entry, *self._callbacks)
        return lambda: self._remove(entry)

    def _remove(self, entry: tuple[int | None, Callback]) -> None:
        self._callbacks = tuple(each for each in self._callbacks if each is not entry)

    def tell(self, change: DocumentChange) -> None:
        """Call all callbacks that ``change`` is for. If one fails, that is logged; others still
        run."""
        for types, callback in self._callbacks:
            if types is None or types & change.doc_type:
                try:
                    callback(change)
                except Exception:  # noqa: BLE001 - whatever somebody's callback raises
                    _log.exception("a callback failed for %s", change.url)
