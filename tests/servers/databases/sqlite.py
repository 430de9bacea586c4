"""A file of SQLite in somebody else's hands."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Committed and closed at the end: a connection's own ``with`` only commits."""
    with closing(sqlite3.connect(path)) as database, database:
        yield database
