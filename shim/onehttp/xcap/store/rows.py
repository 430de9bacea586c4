"""The values that are read from the table, and the changes to make."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple


class Source(enum.IntEnum):
    """The writer of a row."""

    SERVER = 0
    """The SIP server's own XCAP module. Its rows are never changed here."""
    CLIENT = 1

    __str__ = int.__repr__  # of Python 3.11 and later; drivers of databases send what it gives


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """One row."""

    username: str
    domain: str
    doc_type: int
    doc_uri: str
    port: int
    etag: str
    doc: bytes = field(repr=False)
    source: int = Source.CLIENT


class Watched(NamedTuple):
    """The fields of a row that a refresh needs for its request."""

    id: int
    etag: str
    doc_uri: str
    port: int


class Owner(NamedTuple):
    """The account of a row, and the type of its document."""

    username: str
    domain: str
    doc_type: int


class Change(NamedTuple):
    """A newer document for a row, valid if the row's etag is still ``old_etag``."""

    doc_uri: str
    old_etag: str
    etag: str
    doc: bytes


class Gone(NamedTuple):
    """A row to remove if its etag is still this one; None: any etag."""

    doc_uri: str
    etag: str | None = None
