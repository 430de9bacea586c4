"""Text compared byte by byte, whatever the collation of its column.

The SIP server's own schema leaves MySQL its default, by which ``sip:Carol`` equals ``sip:carol``, a
letter its accents, and a name the same name with blanks behind it. Users of SIP are none of these.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import LargeBinary, Text, and_, cast, collate, func, literal, literal_column
from sqlalchemy.sql.elements import ColumnElement

_MYSQL = ("mysql", "mariadb")


def same(column: ColumnElement[str], text: str, dialect: str) -> ColumnElement[bool]:
    """``column`` holds exactly ``text``."""
    return and_(alike(column, text, dialect), _are_bytes(column, text, dialect))


def alike(column: ColumnElement[str], text: str, dialect: str) -> ColumnElement[bool]:
    """``column`` holds ``text``, or what the database takes for the same: what an index helps.

    MySQL refuses to compare a column with characters that are not in its set; of those it may have
    none, and the index is of no use.
    """
    if dialect in _MYSQL and not text.isascii():
        return _are_bytes(column, text, dialect)
    return column == text


def _are_bytes(column: ColumnElement[str], text: str, dialect: str) -> ColumnElement[bool]:
    return _bytes(column, dialect) == _bytes(literal(text), dialect)


def _bytes(value: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    if dialect in _MYSQL:
        # Columns may be of any character set; a binary collation alone would still pad blanks.
        wide = func.convert(value.op("USING")(literal_column("utf8mb4")))
        return cast(wide, LargeBinary)
    if dialect == "sqlite":
        return cast(value, LargeBinary)
    if dialect == "postgresql":
        return collate(cast(value, Text), "C")
    return value
