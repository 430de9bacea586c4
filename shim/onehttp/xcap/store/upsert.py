"""Inserts or replaces a row in one atomic statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, and_, case
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.elements import ColumnElement

from onehttp.xcap.store.exact import same
from onehttp.xcap.store.rows import Source


def upsert(table: Table, values: dict[str, Any], dialect: str) -> Insert | None:
    """Return a statement that inserts ``values``, or replaces a client's row with the same
    ``doc_uri``. Rows of other writers stay. None if the database has no such statement."""
    columns = table.c
    mine: ColumnElement[bool] = and_(
        columns.source == int(Source.CLIENT), same(columns.doc_uri, values["doc_uri"], dialect)
    )
    names = [name for name in values if name not in ("doc_uri", "source")]
    if dialect in ("mysql", "mariadb"):
        replacing = mysql.insert(table).values(values)
        new = replacing.inserted
        chosen = {name: case((mine, new[name]), else_=columns[name]) for name in names}
        return replacing.on_duplicate_key_update(chosen)
    if dialect not in ("sqlite", "postgresql"):
        return None
    kind = sqlite if dialect == "sqlite" else postgresql
    inserting = kind.insert(table).values(values)
    statement: Insert = inserting.on_conflict_do_update(
        index_elements=[columns.doc_uri],
        set_={name: inserting.excluded[name] for name in names},
        where=mine,
    )
    return statement
