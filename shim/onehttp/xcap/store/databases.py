"""Databases by URL: the packages they need, and their errors that a retry can solve."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError as BadUrlError
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from onehttp.xcap.errors import StoreError

DEFAULT_URL: Final = "sqlite:///xcap.sqlite"
_DRIVERS: Final = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_PACKAGES: Final = {"psycopg": "psycopg[binary]", "pymysql": "PyMySQL"}
_DEADLOCKS: Final = {"40P01", "40001", 1213, 1020}
"""SQLSTATEs of PostgreSQL, numbers of MySQL and MariaDB (1020: the row changed since it was read).
The database has undone the transaction, and expects it to be tried again."""
_INCORRECT_STRING: Final = 1366


def database_address(url: str | URL) -> URL:
    """Return the address of the database, with its driver.

    Raises:
        StoreError: not the URL of a database.
    """
    try:
        address = make_url(url)
    except BadUrlError:
        raise StoreError(
            f"not the URL of a database: expected e.g. {DEFAULT_URL!r} or "
            "'postgresql://user:password@host/name'"
        ) from None
    return address.set(drivername=_DRIVERS.get(address.drivername, address.drivername))


def database_engine(address: URL, is_memory: bool, timeout_s: float) -> Engine:
    """Return an engine for it, without open connections.

    Raises:
        StoreError: the kind of database is unknown, or its driver is not installed.
    """
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
        engine = create_engine(address, hide_parameters=True, **settings)
    except NoSuchModuleError:
        raise StoreError(f"unknown kind of database: {address.drivername!r}") from None
    except ModuleNotFoundError as error:
        package = _PACKAGES.get(str(error.name), error.name)
        raise StoreError(
            f"{address.drivername} needs the package {error.name}: pip install '{package}'"
        ) from None
    for_locks = _lock_limit(engine.dialect.name, timeout_s)
    if for_locks is not None:
        event.listen(engine, "connect", lambda connection, _: _told(connection, for_locks))
    return engine


def _lock_limit(dialect: str, timeout_s: float) -> str | None:
    """Limit the wait for locks. By default PostgreSQL waits for ever, and MySQL for a minute or a
    day."""
    if dialect == "postgresql":
        return f"SET lock_timeout = {max(1, round(timeout_s * 1000))}"
    if dialect in ("mysql", "mariadb"):
        whole_s = max(1, round(timeout_s))
        return f"SET SESSION innodb_lock_wait_timeout = {whole_s}, lock_wait_timeout = {whole_s}"
    return None


def _told(connection: Any, statement: str) -> None:
    cursor = connection.cursor()
    cursor.execute(statement)
    cursor.close()
    connection.commit()


def is_deadlock(error: BaseException | None) -> bool:
    """Whether the database has rolled back this transaction because of a deadlock."""
    return isinstance(error, DBAPIError) and (
        _number(error) in _DEADLOCKS or getattr(error.orig, "sqlstate", None) in _DEADLOCKS
    )


def is_beyond_charset(error: DBAPIError) -> bool:
    """Whether a name has characters that a column of MySQL cannot hold."""
    return _number(error) == _INCORRECT_STRING


def _number(error: DBAPIError) -> object:
    return error.orig.args[0] if error.orig is not None and error.orig.args else None


def reason(error: SQLAlchemyError) -> str:
    """Return the error's text without the statement and its parameters, which include documents."""
    return str(getattr(error, "orig", None) or error.__class__.__name__).strip()
