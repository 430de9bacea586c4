"""Documents kept in a database: SQLite with nothing to set up, or PostgreSQL and MySQL by URL."""

from __future__ import annotations

import contextlib
import enum
import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import Table, create_engine, delete, insert, inspect, select, update
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError as BadUrlError
from sqlalchemy.exc import DataError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.elements import ColumnElement

from onehttp.xcap.errors import RowRefusedError, StoreError
from onehttp.xcap.table import VERSION, version_table, xcap_table

DEFAULT_URL: Final = "sqlite:///xcap.sqlite"
_DRIVERS: Final = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_PACKAGES: Final = {"psycopg": "psycopg[binary]", "pymysql": "PyMySQL"}
_WIDTHS: Final = {"username": 64, "domain": 64, "etag": 128, "doc_uri": 255}


class Source(enum.IntEnum):
    """Who wrote a row."""

    SERVER = 0
    """The SIP server's own XCAP module: read by it, never changed here."""
    CLIENT = 1


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
    """What a refresh needs to know of a row: all but the document."""

    id: int
    username: str
    domain: str
    doc_type: int
    etag: str
    doc_uri: str
    port: int


class Change(NamedTuple):
    """A newer document for a row, valid if the row's etag is still ``old_etag``."""

    doc_uri: str
    old_etag: str
    etag: str
    doc: bytes


class Gone(NamedTuple):
    """A row to be forgotten if its etag is still this one; None: whichever it has."""

    doc_uri: str
    etag: str | None = None


class XcapStore:
    """The table ``xcap`` of one database. May be used by any thread, and in forked children.

    Args:
        url: of SQLAlchemy; ``sqlite://`` keeps the documents in memory. PostgreSQL is used by
            psycopg and MySQL by PyMySQL unless the URL names another driver.
        table: its name.
        create: make the tables where they are missing; None: only in an SQLite database that
            has none at all, so that a wrong name does not add one to somebody's database.
        timeout_s: how long to wait for a connection, or for another writer (SQLite).

    Raises (all methods):
        StoreError: the database is gone, locked or read-only.
        RowRefusedError: it does not take the row.
    """

    def __init__(
        self,
        url: str | URL = DEFAULT_URL,
        *,
        table: str = "xcap",
        create: bool | None = None,
        timeout_s: float = 5.0,
    ) -> None:
        address = _address(url)
        self.place = f"{address.render_as_string(hide_password=True)}, table {table}"
        self._is_sqlite = address.get_backend_name() == "sqlite"
        self._is_memory = self._is_sqlite and address.database in (None, "", ":memory:")
        self._table = xcap_table(table)
        self._engine = _engine(address, self._is_memory, timeout_s)
        self._own()
        # One connection holds a database in memory, so its transactions must not mix.
        self._turn = threading.RLock() if self._is_memory else contextlib.nullcontext()
        try:
            self._check_version(create)
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
        """The row of that document, whoever wrote it."""
        return next(iter(self._read(self._table.c.doc_uri == doc_uri)), None)

    def of_account(self, username: str, domain: str, doc_type: int) -> list[StoredDocument]:
        """The rows of an account's documents of one type, whoever wrote them, oldest first."""
        columns = self._table.c
        return self._read(
            columns.username == username, columns.domain == domain, columns.doc_type == doc_type
        )

    def rows(self) -> list[StoredDocument]:
        """Every row, oldest first."""
        return self._read()

    def _read(self, *conditions: ColumnElement[bool]) -> list[StoredDocument]:
        columns = self._table.c
        wanted = select(*(columns[name] for name in StoredDocument.__slots__))
        with self._transaction() as database:
            found = database.execute(wanted.where(*conditions).order_by(columns.id)).all()
        return [StoredDocument(**row._mapping) for row in found]

    def save(self, document: StoredDocument) -> None:
        """Keep a document: a new row, or the one that a client wrote before.

        Raises:
            RowRefusedError: also where the row is the server's own (source 0), or a value too long.
        """
        values = _values(document)
        columns = self._table.c
        with self._transaction() as database:
            known = columns.doc_uri == document.doc_uri
            own = update(self._table).where(known, columns.source == Source.CLIENT)
            if database.execute(own.values(values)).rowcount:
                return
            database.execute(insert(self._table).values(values))

    def replace(self, changes: Sequence[Change]) -> list[bool]:
        """Put newer documents into their rows; all or none are written.

        Returns:
            for each whether it was: not where the row was removed or changed since it was read.
        """
        columns = self._table.c
        written = []
        with self._transaction() as database:
            for change in changes:
                _check_widths({"etag": change.etag})
                row = update(self._table).where(
                    columns.doc_uri == change.doc_uri,
                    columns.source == Source.CLIENT,
                    columns.etag == change.old_etag,
                )
                found = database.execute(row.values(doc=change.doc, etag=change.etag))
                written.append(bool(found.rowcount))
        return written

    def remove(self, doc_uri: str) -> bool:
        """Forget a document; False where no client's row was there."""
        return self.discard([Gone(doc_uri)])[0]

    def discard(self, gone: Sequence[Gone]) -> list[bool]:
        """Forget documents; for each whether a client's row was there, and still the same."""
        columns = self._table.c
        removed = []
        with self._transaction() as database:
            for one in gone:
                row = delete(self._table).where(
                    columns.doc_uri == one.doc_uri, columns.source == Source.CLIENT
                )
                if one.etag is not None:
                    row = row.where(columns.etag == one.etag)
                removed.append(bool(database.execute(row).rowcount))
        return removed

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
                rows = [Watched(*row) for row in database.execute(page)]
            if rows:
                yield rows
            if len(rows) < page_rows:
                return
            last = rows[-1].id

    def close(self) -> None:
        """Let go of the connections; the next call opens one again."""
        if not self._is_memory:
            self._engine.dispose()

    def _own(self) -> None:
        """The connections are this process's, and go with the store if nobody closes it."""
        self._owner = os.getpid()
        self._finalizer = weakref.finalize(self, _let_go, self._engine, self._owner)
        self._finalizer.atexit = False

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
        except (IntegrityError, DataError) as error:
            raise RowRefusedError(
                f"{self.place}: the row is not taken: {error.orig}; one of that doc_uri may be "
                "the server's own, which a client must not change"
            ) from error
        except SQLAlchemyError as error:
            raise StoreError(f"{self.place}: {_reason(error)}") from error

    def _check_version(self, create: bool | None) -> None:
        name = self._table.name
        with self._transaction() as database:
            known = inspect(database).get_table_names()
            versions = version_table(self._table.metadata)
            if create or (create is None and self._is_sqlite and not known):
                _create(database, self._table, versions)
                known = [name, versions.name]
            found = None
            if versions.name in known:
                row = select(versions.c.table_version).where(versions.c.table_name == name)
                found = database.execute(row).scalar()
        if name not in known:
            raise StoreError(
                f"{self.place}: there is no such table; create=True makes it, or kamdbctl"
            )
        if found != VERSION:
            raise StoreError(
                f"{self.place}: table version {VERSION} is needed, table `version` says {found}"
            )


def _let_go(engine: Engine, owner: int) -> None:
    engine.dispose(close=os.getpid() == owner)


def _create(database: Connection, table: Table, versions: Table) -> None:
    is_new = not inspect(database).has_table(table.name)
    table.metadata.create_all(database)
    row = select(versions.c.table_version).where(versions.c.table_name == table.name)
    if is_new and database.execute(row).first() is None:
        database.execute(insert(versions).values(table_name=table.name, table_version=VERSION))


def _address(url: str | URL) -> URL:
    try:
        address = make_url(url)
    except BadUrlError:
        raise StoreError(
            f"not the URL of a database: expected e.g. {DEFAULT_URL!r} or "
            "'postgresql://user:password@host/name'"
        ) from None
    return address.set(drivername=_DRIVERS.get(address.drivername, address.drivername))


def _engine(address: URL, is_memory: bool, timeout_s: float) -> Engine:
    settings: dict[str, Any] = {"pool_pre_ping": not is_memory}
    if is_memory:
        settings |= {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    elif address.get_backend_name() == "sqlite":
        settings["connect_args"] = {"timeout": timeout_s}
    else:
        settings |= {
            "pool_timeout": timeout_s,
            "connect_args": {"connect_timeout": max(1, round(timeout_s))},
        }
    try:
        return create_engine(address, hide_parameters=True, **settings)
    except NoSuchModuleError:
        raise StoreError(f"no such kind of database: {address.drivername!r}") from None
    except ModuleNotFoundError as error:
        package = _PACKAGES.get(str(error.name), error.name)
        raise StoreError(
            f"{address.drivername} needs the package {error.name}: pip install '{package}'"
        ) from None


def _values(document: StoredDocument) -> dict[str, Any]:
    values = {name: getattr(document, name) for name in StoredDocument.__slots__}
    _check_widths(values)
    return values


def _check_widths(values: dict[str, Any]) -> None:
    for name, width in _WIDTHS.items():
        if len(values.get(name, "")) > width:
            raise RowRefusedError(
                f"{name}: {len(values[name])} characters, the column holds {width}: "
                f"{values[name][:40]!r}..."
            )


def _reason(error: SQLAlchemyError) -> str:
    # Without the statement and its parameters: documents are nobody's business.
    return str(getattr(error, "orig", None) or error.__class__.__name__).strip()
