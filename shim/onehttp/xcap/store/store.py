"""Stores documents in a database: SQLite without any set-up, or PostgreSQL and MySQL by URL."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import delete, insert, inspect, select, update
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.sql.elements import ColumnElement

from onehttp.xcap.errors import RowRefusedError, StoreError
from onehttp.xcap.store.creating_tables import loose_columns, make_tables, version_of
from onehttp.xcap.store.databases import (
    DEFAULT_URL,
    database_address,
    database_engine,
    is_beyond_charset,
    is_deadlock,
    reason,
)
from onehttp.xcap.store.exact import alike, same
from onehttp.xcap.store.rows import Change, Gone, Owner, Source, StoredDocument, Watched
from onehttp.xcap.store.table import VERSION, xcap_table
from onehttp.xcap.store.upsert import upsert
from onehttp.xcap.store.widths import check_widths, values_of
from onehttp_backends.forks import reentrant_lock

_ATTEMPTS: Final = 20
"""The number of attempts for a transaction that other writers conflict with."""
FEW_IDS: Final = 500
"""The number of ids in one statement, because older SQLite accepts 999 values."""
_log = logging.getLogger("onehttp.xcap")
_T = TypeVar("_T")
_watched: Final = partial(tuple.__new__, Watched)  # `_make` without a call in Python for each


class XcapStore:
    """The table ``xcap`` of one database. May be used by any thread, and in forked children.

    Args:
        url: of SQLAlchemy; ``sqlite://`` keeps the documents in memory. PostgreSQL is used by
            psycopg and MySQL by PyMySQL unless the URL names another driver.
        table: its name.
        create: make the tables where they are missing; None: only in an SQLite database that
            has none at all, so that a wrong name does not add one to somebody's database.
        timeout_s: how long to wait for a connection, or for another writer.

    Raises (all methods):
        StoreError: the database is gone, locked or read-only.
        RowRefusedError: it does not take the row.

    A row is one user's: names are compared byte by byte, whatever the collation.

    Attributes:
        loose_columns: columns in which the database takes different names for one, with their
            collations; empty is as it should be. `save` refuses a row that collides.
    """

    loose_columns: dict[str, str]

    def __init__(
        self,
        url: str | URL = DEFAULT_URL,
        *,
        table: str = "xcap",
        create: bool | None = None,
        timeout_s: float = 5.0,
    ) -> None:
        address = database_address(url)
        self.place = f"{address.render_as_string(hide_password=True)}, table {table}"
        self._is_sqlite = address.get_backend_name() == "sqlite"
        self._is_memory = self._is_sqlite and address.database in (None, "", ":memory:")
        self._table = xcap_table(table)
        self._engine = database_engine(address, self._is_memory, timeout_s)
        self._dialect = self._engine.dialect.name
        self._own()
        # One connection holds a database in memory, so its transactions must not mix.
        self._turn = reentrant_lock() if self._is_memory else contextlib.nullcontext()
        try:
            self._check_version(create, timeout_s)
        except StoreError:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<XcapStore {self.place}>"

    def __enter__(self) -> XcapStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find(self, doc_uri: str) -> StoredDocument | None:
        """Return the row of a document, whoever wrote it."""
        found = self._read(alike(self._table.c.doc_uri, doc_uri, self._dialect))
        return next((row for row in found if row.doc_uri == doc_uri), None)

    def of_account(self, username: str, domain: str, doc_type: int) -> list[StoredDocument]:
        """Return the rows of an account's documents of one type, by any writer, oldest first."""
        columns = self._table.c
        found = self._read(
            alike(columns.username, username, self._dialect),
            alike(columns.domain, domain, self._dialect),
            columns.doc_type == doc_type,
        )
        return [row for row in found if (row.username, row.domain) == (username, domain)]

    def rows(self) -> list[StoredDocument]:
        """Return all rows, oldest first."""
        return self._read()

    def _read(self, *conditions: ColumnElement[bool]) -> list[StoredDocument]:
        columns = self._table.c
        wanted = select(*(columns[name] for name in StoredDocument.__slots__))
        with self._transaction() as database:
            found = database.execute(wanted.where(*conditions).order_by(columns.id)).all()
        return [StoredDocument(**row._mapping) for row in found]

    def save(self, document: StoredDocument) -> None:
        """Store a document in a new row, or in the one that a client wrote before.

        Raises:
            RowRefusedError: also where the row is the server's own (source 0), a value too long,
                or the row would be another user's to the database, by its collation.
        """
        values = values_of(document)

        def write(database: Connection) -> None:
            statement = upsert(self._table, values, self._dialect)
            if statement is None:
                self._update_or_insert(database, values)
            else:
                database.execute(statement)
            self._check_written(database, document)

        self._retried(write)

    def _update_or_insert(self, database: Connection, values: dict[str, Any]) -> None:
        own = update(self._table).where(*self._own_row(values["doc_uri"]))
        if not database.execute(own.values(values)).rowcount:
            database.execute(insert(self._table).values(values))

    def _check_written(self, database: Connection, document: StoredDocument) -> None:
        """Roll back if the row was not written, or if it would mix the documents of two users."""
        columns = self._table.c
        wanted = select(columns.username, columns.domain, columns.doc_uri, columns.source)
        row = database.execute(wanted.where(columns.doc_uri == document.doc_uri)).one()
        wanted_name = (document.username, document.domain)
        if row.doc_uri != document.doc_uri:
            raise self._collision(document.doc_uri, row.doc_uri)
        if row.source != document.source:
            raise self._refusal("a row with that doc_uri exists already")
        if (row.username, row.domain) != wanted_name:  # by a database that is not strict
            raise RowRefusedError(f"{self.place}: it does not keep {wanted_name!r} as it is")
        account = wanted.where(
            columns.username == document.username,
            columns.domain == document.domain,
            columns.doc_type == document.doc_type,
        )
        if self.loose_columns:  # another process may be writing the other spelling at the same time
            account = account.with_for_update(read=True)
        for other in database.execute(account):
            if (other.username, other.domain) != wanted_name:
                mine, theirs = "@".join(wanted_name), f"{other.username}@{other.domain}"
                raise self._collision(mine, theirs)

    def _collision(self, mine: str, theirs: str) -> RowRefusedError:
        how = ", ".join(sorted({*self.loose_columns.values()})) or "blanks at the end do not count"
        cure = f"; {self._remedy}" if self.loose_columns else ""
        return RowRefusedError(
            f"{self.place}: {mine!r} is the same as {theirs!r} to this database ({how}), which "
            f"would mix two users{cure}"
        )

    @property
    def _remedy(self) -> str:
        name = self._table.name
        return f"ALTER TABLE {name} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"

    def _own_row(self, doc_uri: str, etag: str | None = None) -> list[ColumnElement[bool]]:
        """Return the condition for a client's row of exactly that name, and that etag if given."""
        columns = self._table.c
        conditions = [
            same(columns.doc_uri, doc_uri, self._dialect),
            columns.source == int(Source.CLIENT),
        ]
        if etag is not None:
            conditions.append(same(columns.etag, etag, self._dialect))
        return conditions

    def replace(self, changes: Sequence[Change]) -> list[bool]:
        """Write newer documents to their rows. All or none are written.

        Returns:
            for each whether it was written; it is not if its row was removed or changed since.
        """
        for change in changes:
            check_widths({"etag": change.etag})

        def write(database: Connection) -> list[bool]:
            written = []
            for change in changes:
                own = update(self._table).where(*self._own_row(change.doc_uri, change.old_etag))
                found = database.execute(own.values(doc=change.doc, etag=change.etag))
                written.append(bool(found.rowcount))
            return written

        return self._retried(write)

    def remove(self, doc_uri: str) -> bool:
        """Remove a document. Returns False if a client had no row for it."""
        return self.discard([Gone(doc_uri)])[0]

    def discard(self, gone: Sequence[Gone]) -> list[bool]:
        """Remove documents. Returns for each whether its row existed and was unchanged."""

        def write(database: Connection) -> list[bool]:
            own = (delete(self._table).where(*self._own_row(*one)) for one in gone)
            return [bool(database.execute(row).rowcount) for row in own]

        return self._retried(write)

    def watched(self, prefix: str = "", page_rows: int = 1000) -> Iterator[list[Watched]]:
        """The clients' rows whose ``doc_uri`` starts with ``prefix``, in pages.

        No transaction is open between two pages.
        """
        columns = self._table.c
        wanted = select(*(columns[name] for name in Watched._fields)).where(
            columns.source == Source.CLIENT,
            columns.doc_uri.startswith(prefix, autoescape=True),
        )
        last = -1
        while True:
            page = wanted.where(columns.id > last).order_by(columns.id).limit(page_rows)
            with self._transaction() as database:
                rows = list(map(_watched, database.execute(page).all()))
            # LIKE ignores case on some databases.
            if below := [row for row in rows if row.doc_uri.startswith(prefix)]:
                yield below
            if len(rows) < page_rows:
                return
            last = rows[-1].id

    def owners(self, ids: Sequence[int]) -> dict[int, Owner]:
        """The owners of the rows with these ids; rows that are gone are left out."""
        columns = self._table.c
        wanted = select(columns.id, *(columns[name] for name in Owner._fields))
        parts = [ids[at : at + FEW_IDS] for at in range(0, len(ids), FEW_IDS)]
        with self._transaction() as database:
            found = [database.execute(wanted.where(columns.id.in_(part))).all() for part in parts]
        return {number: Owner(*owner) for rows in found for number, *owner in rows}

    def close(self) -> None:
        """Close the connections. The next call opens one again."""
        if not self._is_memory:
            self._engine.dispose()

    def _own(self) -> None:
        """Return the engine of this process, whose connections are closed when the store is
        collected."""
        self._owner = os.getpid()
        self._finalizer = weakref.finalize(self, _let_go, self._engine, self._owner)
        self._finalizer.atexit = False

    def _retried(self, write: Callable[[Connection], _T]) -> _T:
        """Run one transaction, again if it conflicts with another one."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._transaction() as database:
                    return write(database)
            except StoreError as error:
                if attempt == _ATTEMPTS or not is_deadlock(error.__cause__):
                    raise
                time.sleep(
                    random.uniform(0.0, 0.005 * attempt)
                )  # so that the two do not conflict again
        raise AssertionError("unreachable")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if self._owner != os.getpid() and not self._is_memory:
            # A child must neither use nor close its parent's connections.
            self._engine.dispose(close=False)
            self._finalizer.detach()
            self._own()
        try:
            with self._turn, self._engine.begin() as database:
                yield database
        except DataError as error:
            cure = f"; {self._remedy}" if is_beyond_charset(error) else ""
            raise RowRefusedError(f"{self.place}: not taken: {error.orig}{cure}") from error
        except IntegrityError as error:
            raise self._refusal(str(error.orig)) from error
        except StoreError as error:
            if self.place in str(error):
                raise
            raise type(error)(f"{self.place}: {error}") from error
        except SQLAlchemyError as error:
            raise StoreError(f"{self.place}: {reason(error)}") from error

    def _refusal(self, why: str) -> RowRefusedError:
        return RowRefusedError(
            f"{self.place}: the row is not taken: {why}; one of that doc_uri may be "
            "the server's own, which a client must not change"
        )

    def _check_version(self, create: bool | None, timeout_s: float) -> None:
        if create or (create is None and self._is_sqlite and self._is_empty()):
            with self._transaction() as database:
                make_tables(database, self._table, timeout_s)
        with self._transaction() as database:
            is_there, found = version_of(database, self._table)
            self.loose_columns = loose_columns(database, self._table)
        if not is_there:
            raise StoreError(
                f"{self.place}: there is no such table; create it by create=True or kamdbctl"
            )
        if found != VERSION:
            way = "; create=True mends a half-made one" if found is None else ""
            said = f"table `version` says {found}{way}"
            raise StoreError(f"{self.place}: table version {VERSION} is needed, {said}")
        if self.loose_columns:
            columns = ", ".join(f"{name} ({how})" for name, how in self.loose_columns.items())
            _log.warning(
                "%s: %s: to the database, and to the SIP server, names that differ by case, "
                "accents or trailing blanks are one; such rows are refused. %s",
                self.place,
                columns,
                self._remedy,
            )

    def _is_empty(self) -> bool:
        with self._transaction() as database:
            return not inspect(database).get_table_names()


def _let_go(engine: Engine, owner: int) -> None:
    engine.dispose(close=os.getpid() == owner)
