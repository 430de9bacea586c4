"""Fixtures of the XCAP tests: a server, stores on real databases, a client of each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import onehttp
from onehttp.xcap import XcapClient, XcapStore
from servers import postgres
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


@pytest.fixture(params=["memory", "file", pytest.param("postgresql", marks=pytest.mark.debian)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database of each kind."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgresql")
        yield url
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE IF EXISTS xcap, version"))
        engine.dispose()
    else:
        yield "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/xcap.sqlite"


@pytest.fixture
def store(database: str) -> Iterator[XcapStore]:
    """An empty store on each kind of database."""
    opened = XcapStore(database, create=True)
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
