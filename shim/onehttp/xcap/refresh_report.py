"""The result of a refresh, and the documents that it has still to write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from onehttp.xcap.store import Watched

MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
"""How many bytes of documents are held before they are written."""


@dataclass(slots=True)
class RefreshReport:
    """How many documents one refresh has found in each state."""

    unchanged: int = 0
    changed: int = 0
    failed: int = 0
    """The server gave no answer, or none that is a document; the stored one is kept."""
    removed: int = 0
    """The document is gone from the server (404, 410), and was removed from the store."""
    overtaken: int = 0
    """Answers that were not used, because the stored document had been changed or removed."""

    @property
    def total(self) -> int:
        """The number of documents that were asked for."""
        return self.unchanged + self.changed + self.failed + self.removed + self.overtaken

    def add(self, other: RefreshReport) -> None:
        """Add the numbers of another part of the refresh."""
        self.unchanged += other.unchanged
        self.changed += other.changed
        self.failed += other.failed
        self.removed += other.removed
        self.overtaken += other.overtaken


class Newer(NamedTuple):
    """A document that was changed on the server, or removed there."""

    row: Watched
    etag: str
    body: bytes | None
    """The new document; None if it was removed."""


class Batch:
    """Changed documents that will be written together, up to `MAX_BATCH_BYTES`."""

    def __init__(self) -> None:
        self._newer: list[Newer] = []
        self._size_bytes = 0

    @property
    def is_full(self) -> bool:
        return self._size_bytes >= MAX_BATCH_BYTES

    def add(self, newer: Newer) -> None:
        self._newer.append(newer)
        self._size_bytes += len(newer.body or b"")

    def take(self) -> list[Newer]:
        taken, self._newer, self._size_bytes = self._newer, [], 0
        return taken
