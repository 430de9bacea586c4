"""Creates, repairs and checks the tables, in one process at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy import Index, Table, func, insert, inspect, select, text
from sqlalchemy.engine import Connection

from onehttp.xcap.errors import StoreError
from onehttp.xcap.store.table import VERSION, version_table

_LOCK = "onehttp.xcap"
_LOCK_NUMBER = int.from_bytes(_LOCK.encode()[:7], "big")
_MYSQL = ("mysql", "mariadb")
_TEXTS = ("username", "domain", "doc_uri")


def make_tables(database: Connection, table: Table, timeout_s: float) -> None:
    """Create what is missing: the tables, an index, or the row with the version.

    A table is incomplete if the process that created it was killed, on a database that cannot roll
    back a CREATE.

    Raises:
        StoreError: a table of that name with other columns exists.
    """
    versions = version_table(table.metadata)
    with _alone(database, timeout_s):
        seen = inspect(database)
        is_new = not seen.has_table(table.name)
        table.metadata.create_all(database)
        own = select(versions.c.table_version).where(versions.c.table_name == table.name)
        if database.execute(own).first() is not None:
            return
        if not is_new:
            _mend(database, table)
        row = insert(versions).values(table_name=table.name, table_version=VERSION)
        if (
            database.dialect.name in _MYSQL
        ):  # the previous holder of the lock may not have committed
            row = row.prefix_with("IGNORE")
        database.execute(row)


def _mend(database: Connection, table: Table) -> None:
    seen = inspect(database)
    there = {column["name"] for column in seen.get_columns(table.name)}
    if there != set(table.c.keys()):
        raise StoreError(
            f"a table of that name exists without a version, with columns {sorted(there)}"
        )
    indexed = {tuple(index["column_names"]) for index in seen.get_indexes(table.name)}
    for index in table.indexes:
        if isinstance(index, Index) and tuple(index.columns.keys()) not in indexed:
            index.create(database)


def version_of(database: Connection, table: Table) -> tuple[bool, int | None]:
    """Return whether the table exists, and its version in the table ``version``."""
    versions = version_table(table.metadata)
    known = inspect(database).get_table_names()
    found = None
    if versions.name in known:
        row = select(versions.c.table_version).where(versions.c.table_name == table.name)
        found = database.execute(row).scalar()
    return table.name in known, found


def loose_columns(database: Connection, table: Table) -> dict[str, str]:
    """Return the collations of columns in which different names may be equal. Only MySQL is
    asked, because the SIP server's schemas for other databases have no such columns."""
    if database.dialect.name not in _MYSQL:
        return {}
    found = database.execute(
        text(
            "SELECT column_name, collation_name FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND table_name = :name"
        ),
        {"name": table.name},
    )
    return {
        column: collation
        for column, collation in found
        if column in _TEXTS and not str(collation or "binary").endswith(("_bin", "binary"))
    }


@contextlib.contextmanager
def _alone(database: Connection, timeout_s: float) -> Iterator[None]:
    """Hold a lock so that no other process creates tables of this database meanwhile."""
    kind = database.dialect.name
    if kind == "sqlite":
        database.exec_driver_sql("BEGIN IMMEDIATE")  # the driver begins no transaction for a CREATE
        yield
    elif kind == "postgresql":
        database.execute(select(func.pg_advisory_xact_lock(_LOCK_NUMBER)))
        yield
    elif kind in _MYSQL:
        # A CREATE ends the transaction, so the connection has to hold the lock.
        name = f"{_LOCK} {database.engine.url.database}"[:64]
        if not database.execute(select(func.get_lock(name, max(timeout_s, 1.0)))).scalar():
            raise StoreError("another process is creating the tables, and takes too long")
        try:
            yield
        finally:
            database.execute(select(func.release_lock(name)))
    else:
        yield
