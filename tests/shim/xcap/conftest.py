"""Fixtures of the XCAP tests: a server, stores on real databases, a client of each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import onehttp
from onehttp.xcap import XcapClient, XcapStore
from servers.databases import mariadb, postgres
from servers.patience import PATIENCE_S
from servers.xcap import XcapServer


@pytest.fixture
def server() -> Iterator[XcapServer]:
    with XcapServer() as running:
        yield running


@pytest.fixture(scope="session")
def postgresql(debian: None) -> Iterator[str]:
    """URL of a real PostgreSQL."""
    with postgres.running() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_socket(debian: None) -> Iterator[Path]:
    """Socket of a real MariaDB."""
    with mariadb.running() as socket:
        yield socket


@pytest.fixture
def empty_postgresql(postgresql: str) -> Iterator[str]:
    """URL of an empty database of PostgreSQL."""
    yield postgresql
    engine = create_engine(postgresql.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS xcap, version"))
    engine.dispose()


@pytest.fixture
def empty_mariadb(mariadb_socket: Path) -> Iterator[str]:
    """URL of an empty database of MariaDB."""
    with mariadb.database(mariadb_socket, "empty") as url:
        yield url


@pytest.fixture
def kamailio_mariadb(mariadb_socket: Path) -> Iterator[str]:
    """URL of a MariaDB database that the SIP server's own scripts have made."""
    with mariadb.kamailio_database(mariadb_socket, "kamailio") as url:
        yield url


DEBIAN = [
    pytest.param(name, marks=pytest.mark.debian)
    for name in ("empty_postgresql", "empty_mariadb", "kamailio_mariadb")
]


@pytest.fixture(params=["memory", "file", *DEBIAN])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database of each kind."""
    if request.param in ("memory", "file"):
        yield "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/xcap.sqlite"
    else:
        yield request.getfixturevalue(request.param)


@pytest.fixture
def store(database: str) -> Iterator[XcapStore]:
    """An empty store on each kind of database."""
    opened = XcapStore(database, create=True, timeout_s=PATIENCE_S)
    yield opened
    opened.close()


@pytest.fixture
def memory() -> XcapStore:
    return XcapStore("sqlite://")


@pytest.fixture
def client(engine: str, server: XcapServer, memory: XcapStore) -> XcapClient:
    """A client of each engine, with a store in memory."""
    onehttp.init({"version": 1, "connections": {"xcap": {"url": server.root}}}, backend=engine)
    return XcapClient("xcap", memory)
