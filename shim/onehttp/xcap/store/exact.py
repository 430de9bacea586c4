"""Compares text byte by byte, whatever the collation of its column.

The SIP server's schema uses MySQL's default collation, which ignores case, accents and trailing
blanks: ``sip:Carol`` equals ``sip:carol``. For SIP these are different users.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import LargeBinary, Text, and_, cast, collate, func, literal, literal_column
from sqlalchemy.sql.elements import ColumnElement

_MYSQL = ("mysql", "mariadb")


def same(column: ColumnElement[str], text: str, dialect: str) -> ColumnElement[bool]:
    """Return the condition that ``column`` holds exactly ``text``."""
    return and_(alike(column, text, dialect), _are_bytes(column, text, dialect))


def alike(column: ColumnElement[str], text: str, dialect: str) -> ColumnElement[bool]:
    """Return the condition that ``column`` equals ``text`` by its collation, which can use an
    index.

    MySQL refuses to compare a column with characters outside its character set. The column cannot
    hold these, so then the index is of no use.
    """
    if dialect in _MYSQL and not text.isascii():
        return _are_bytes(column, text, dialect)
    return column == text


def _are_bytes(column: ColumnElement[str], text: str, dialect: str) -> ColumnElement[bool]:
    return _bytes(column, dialect) == _bytes(literal(text), dialect)


def _bytes(value: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    if dialect in _MYSQL:
        # Columns may have any character set; a binary collation alone would still ignore trailing
        # blanks.
        wide = func.convert(value.op("USING")(literal_column("utf8mb4")))
        return cast(wide, LargeBinary)
    if dialect == "sqlite":
        return cast(value, LargeBinary)
    if dialect == "postgresql":
        return collate(cast(value, Text), "C")
    return value
