"""What a refresh has found: what is still to be written, and how many of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from onehttp.xcap.store import Watched

MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
"""Documents held until they are written."""


@dataclass(slots=True)
class RefreshReport:
    """What one refresh came to, in documents."""

    unchanged: int = 0
    changed: int = 0
    failed: int = 0
    """No answer, or one that is no document; the stored one stays."""
    removed: int = 0
    """The server has it no more (404, 410), nor has the store."""
    overtaken: int = 0
    """Changed or removed in the store meanwhile: the answer was not used."""

    @property
    def total(self) -> int:
        return self.unchanged + self.changed + self.failed + self.removed + self.overtaken

    def add(self, other: RefreshReport) -> None:
        """Count what another part came to."""
        self.unchanged += other.unchanged
        self.changed += other.changed
        self.failed += other.failed
        self.removed += other.removed
        self.overtaken += other.overtaken


class Newer(NamedTuple):
    """A document that has changed on the server, or gone."""

    row: Watched
    etag: str
    body: bytes | None
    """None: the server has it no more."""


class Batch:
    """Newer documents to be written together, as long as they are few bytes."""

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
