"""Databases that are locked, full, read-only, or gone in the middle."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine

import onehttp
from onehttp.xcap import (
    DocumentSelector,
    RefreshReport,
    StoredDocument,
    StoreError,
    XcapClient,
    XcapStore,
)
from onehttp.xcap.store import Change, Gone
from servers.databases import mariadb, postgres
from servers.xcap import XcapServer

SERVERS = [
    pytest.param(name, marks=pytest.mark.debian)
    for name in ("empty_postgresql", "empty_mariadb", "kamailio_mariadb")
]
ON_SERVERS = pytest.mark.parametrize("database", SERVERS, indirect=True)
RULESET = b'<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>'
NEWER = b'<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule id="a"/></ruleset>'
MINE = StoredDocument(
    username="a", domain="b", doc_type=2, port=80, etag='"1"', doc=b"<a/>", doc_uri="http://h/a"
)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@contextmanager
def somebody_else(store: XcapStore) -> Iterator[Engine]:
    engine = create_engine(store._engine.url)
    yield engine
    engine.dispose()


@ON_SERVERS
def test_a_row_that_another_writer_holds_is_waited_for_as_long_as_told(database: str) -> None:
    with XcapStore(database, create=True, timeout_s=1) as store, somebody_else(store) as other:
        store.save(MINE)
        with other.begin() as holding:
            holding.execute(text("UPDATE xcap SET port = 81"))
            for write in (
                lambda: store.save(MINE),
                lambda: store.replace([Change(MINE.doc_uri, '"1"', '"2"', b"<b/>")]),
                lambda: store.discard([Gone(MINE.doc_uri)]),
            ):
                with pytest.raises(StoreError, match=r"(?i)lock"):
                    write()
            assert store.rows() == [MINE]
            holding.rollback()
        store.save(MINE)


def kill(engine: Engine) -> None:
    """End every connection but one's own."""
    with engine.connect() as own:
        if engine.dialect.name == "postgresql":
            own.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
            )
            return
        others = "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID()"
        for (one,) in own.execute(text(others + " AND user = 'root'")).all():
            own.execute(text(f"KILL {one}"))


@ON_SERVERS
def test_a_database_that_goes_between_reading_and_writing_is_asked_again(
    database: str, server: XcapServer
) -> None:
    onehttp.init({"version": 1, "connections": {"xcap": {"url": server.root}}})
    with XcapStore(database, create=True) as store, somebody_else(store) as other:
        client = XcapClient("xcap", store)
        selector = DocumentSelector("pres-rules", "sip:alice@a.example")
        server.store(selector.path, RULESET)
        client.get(selector)
        server.store(selector.path, NEWER)
        read = store.watched

        def then_gone(*given: Any) -> Any:
            for page in read(*given):
                kill(other)
                yield page

        store.watched = then_gone  # type: ignore[method-assign, assignment]
        assert client.refresh() == RefreshReport(changed=1)
        assert [one.doc for one in store.rows()] == [NEWER]


@ON_SERVERS
def test_a_database_that_may_only_be_read_is_read(database: str, server: XcapServer) -> None:
    onehttp.init({"version": 1, "connections": {"xcap": {"url": server.root}}})
    with XcapStore(database, create=True) as store:
        store.save(MINE)
        begin = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
        if "mysql" in database:
            begin = "SET SESSION TRANSACTION READ ONLY"
        with store._engine.connect() as connection:  # the one that the pool hands out again
            connection.execute(text(begin))
            connection.commit()
        client = XcapClient("xcap", store)
        selector = DocumentSelector("pres-rules", "sip:alice@a.example")
        server.store(selector.path, RULESET)
        assert (client.get(selector).body, client.get(selector).is_stored) == (RULESET, False)
        with pytest.raises(StoreError, match=r"(?i)read.only"):
            store.save(MINE)
        assert store.rows() == [MINE]


@pytest.fixture(scope="module")
def full_postgresql(debian: None) -> Iterator[str]:
    """One on a disk where no file becomes larger than 2 MiB."""
    with postgres.running(largest_file_bytes=2 << 20) as url:
        yield url


@pytest.fixture(scope="module")
def full_mariadb(debian: None) -> Iterator[str]:
    """One whose files have no room for more than 2 MiB."""
    room = ["--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:14M"]
    with mariadb.running(*room) as socket, mariadb.database(socket, "full") as url:
        yield url


@pytest.fixture
def full_sqlite(tmp_path: Path) -> str:
    """One that has no room for more than 2 MiB."""
    return f"sqlite:///{tmp_path}/full.sqlite?max_bytes={2 << 20}"


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize(
    "database",
    [
        "full_sqlite",
        pytest.param("full_postgresql", marks=pytest.mark.debian),
        pytest.param("full_mariadb", marks=pytest.mark.debian),
    ],
    indirect=True,
)
def test_a_full_database_keeps_what_it_has(database: str, is_new: bool) -> None:
    url, _, limit = database.partition("?max_bytes=")
    with XcapStore(url, create=True) as store:
        if limit:
            event.listen(store._engine, "connect", lambda connection, _: connection.execute(
                f"PRAGMA max_page_count = {int(limit) // 4096}"))  # fmt: skip
            store._engine.dispose()
        store.save(MINE)
        large = b"<a>" + random.Random(1).randbytes(6 << 20).hex().encode() + b"</a>"
        other = dataclasses.replace(MINE, username="c", doc_uri="http://h/c", doc=large)
        change = Change(MINE.doc_uri, '"1"', '"2"', large)
        with pytest.raises(StoreError, match=r"full|too large"):
            store.save(other) if is_new else store.replace([change])
        assert store.rows() == [MINE]
        store.save(dataclasses.replace(MINE, etag='"3"'))
        store.remove(MINE.doc_uri)
