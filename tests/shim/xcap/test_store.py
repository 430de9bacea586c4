"""The table ``xcap`` on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from onehttp.xcap import StoredDocument, StoreError, XcapStore
from onehttp.xcap.store import Change, Source
from onehttp.xcap.store.table import xcap_table
from servers.databases.sqlite import opened

URI = "http://xcap.example/root/pres-rules/users/sip:alice@a.example/index"


def row(
    uri: str = URI, *, etag: str = '"1"', doc: bytes = b"<a/>", source: int = 1
) -> StoredDocument:
    return StoredDocument(
        username="alice",
        domain="a.example",
        doc_type=2,
        doc_uri=uri,
        port=80,
        etag=etag,
        doc=doc,
        source=source,
    )


def test_a_row_is_read_back_as_it_was_written(store: XcapStore) -> None:
    document = row(doc=b"<a>\xc3\xa9\n</a>")
    store.save(document)
    assert store.find(URI) == document
    assert store.find(URI + "x") is None


def test_saving_again_replaces_the_row(store: XcapStore) -> None:
    store.save(row())
    store.save(row(etag='"2"', doc=b"<b/>"))
    assert store.rows() == [row(etag='"2"', doc=b"<b/>")]


def test_a_row_of_the_servers_own_is_never_changed(store: XcapStore) -> None:
    _insert(store, row(source=Source.SERVER))
    with pytest.raises(StoreError, match="server's own"):
        store.save(row(etag='"2"'))
    assert store.replace([Change(URI, '"1"', '"2"', b"<b/>")]) == [False]
    assert not store.remove(URI)
    assert list(store.watched()) == []
    assert store.rows() == [row(source=Source.SERVER)]


def test_a_document_is_replaced_only_while_it_is_the_one_that_was_read(store: XcapStore) -> None:
    store.save(row(etag='"2"'))
    written = store.replace(
        [Change(URI, '"1"', '"3"', b"<late/>"), Change(URI, '"2"', '"4"', b"<new/>")]
    )
    assert written == [False, True]
    assert store.rows() == [row(etag='"4"', doc=b"<new/>")]


def test_pages_hold_the_rows_below_a_prefix_once_each(store: XcapStore) -> None:
    for number in range(5):
        store.save(row(f"http://a_b/{number}"))
    store.save(row("http://aXb/0"))  # "_" is no wildcard
    pages = list(store.watched("http://a_b/", page_rows=2))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [one.doc_uri[-1] for page in pages for one in page] == list("01234")


def test_the_documents_of_an_account_are_found_by_type(store: XcapStore) -> None:
    store.save(row())
    assert store.of_account("alice", "a.example", 2) == [row()]
    assert store.of_account("alice", "a.example", 4) == []
    assert store.of_account("bob", "a.example", 2) == []


def test_a_row_can_be_removed(store: XcapStore) -> None:
    store.save(row())
    assert store.remove(URI)
    assert not store.remove(URI)


@pytest.mark.parametrize(
    ("column", "value"),
    [("username", "u" * 65), ("domain", "d" * 65), ("etag", "e" * 129), ("doc_uri", "h" * 256)],
)
def test_a_value_too_long_for_its_column_is_named(
    store: XcapStore, column: str, value: str
) -> None:
    document = {name: getattr(row(), name) for name in StoredDocument.__slots__}
    with pytest.raises(StoreError, match=f"{column}: {len(value)} characters"):
        store.save(StoredDocument(**{**document, column: value}))
    assert store.rows() == []


def test_threads_may_share_a_store(store: XcapStore) -> None:
    def write(number: int) -> None:
        for turn in range(10):
            store.save(row(f"http://h/{number}", etag=f'"{turn}"'))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(one.doc_uri, one.etag) for one in store.rows()} == {
        (f"http://h/{number}", '"9"') for number in range(4)
    }


def test_a_forked_child_opens_connections_of_its_own(store: XcapStore) -> None:
    store.save(row())
    child = os.fork()
    if child == 0:
        os._exit(0 if store.rows() == [row()] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.rows() == [row()]


def test_the_table_has_version_4_and_its_types(store: XcapStore, database: str) -> None:
    if "mysql" in database:
        pytest.skip("its types have other names: test_mysql_gets_its_own_types")
    seen = inspect(store._engine)
    columns = {one["name"]: str(one["type"]) for one in seen.get_columns("xcap")}
    blob = "BYTEA" if "postgresql" in database else "BLOB"
    assert columns == {
        "id": "INTEGER",
        "username": "VARCHAR(64)",
        "domain": "VARCHAR(64)",
        "doc": blob,
        "doc_type": "INTEGER",
        "etag": "VARCHAR(128)",
        "source": "INTEGER",
        "doc_uri": "VARCHAR(255)",
        "port": "INTEGER",
    }
    assert not any(one["nullable"] for one in seen.get_columns("xcap"))
    assert {one["name"]: one["column_names"] for one in seen.get_indexes("xcap")
            if not one["unique"]} == {
        "xcap_account_doc_type_idx": ["username", "domain", "doc_type"],
        "xcap_account_doc_type_uri_idx": ["username", "domain", "doc_type", "doc_uri"],
        "xcap_account_doc_uri_idx": ["username", "domain", "doc_uri"],
    }  # fmt: skip
    unique = seen.get_unique_constraints("xcap")
    assert [(one["name"], one["column_names"]) for one in unique] == [
        ("xcap_doc_uri_idx", ["doc_uri"])
    ]
    with store._transaction() as connection:
        versions = connection.execute(text("SELECT table_name, table_version FROM version"))
        assert versions.all() == [("xcap", 4)]


def test_mysql_gets_its_own_types() -> None:
    statement = str(CreateTable(xcap_table()).compile(dialect=mysql.dialect()))
    for column in (
        "id INTEGER(10) UNSIGNED NOT NULL AUTO_INCREMENT",
        "doc MEDIUMBLOB NOT NULL",
        "doc_type INTEGER(11) NOT NULL",
        "etag VARCHAR(128) NOT NULL",
        "CONSTRAINT xcap_doc_uri_idx UNIQUE (doc_uri)",
    ):
        assert column in statement


def test_another_version_of_the_table_is_refused(database: str, store: XcapStore) -> None:
    with store._transaction() as connection:
        connection.execute(text("UPDATE version SET table_version = 3"))
    if database != "sqlite://":
        with pytest.raises(StoreError, match="version 4 is needed, table `version` says 3"):
            XcapStore(database)


def test_a_missing_table_is_not_made_unasked_elsewhere_than_in_sqlite(postgresql: str) -> None:
    for _ in range(2):  # nor was it made by the first attempt
        with pytest.raises(StoreError, match="no such table"):
            XcapStore(postgresql)


def test_a_wrong_name_adds_no_table_to_a_database_in_use(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x"
    XcapStore(url).save(row())
    with pytest.raises(StoreError, match="table xcpa: there is no such table"):
        XcapStore(url, table="xcpa")
    XcapStore(url, table="other", create=True).save(row(etag='"2"'))
    assert XcapStore(url).rows() == [row()]


def test_documents_that_the_sip_server_wrote_as_text_are_read(tmp_path: Path) -> None:
    store = XcapStore(f"sqlite:///{tmp_path}/x")
    with opened(tmp_path / "x") as database:
        database.execute(
            "INSERT INTO xcap (username, domain, doc, doc_type, etag, source, doc_uri, port) "
            "VALUES ('alice', 'a.example', '<a/>', 2, '\"1\"', 1, ?, 80)",
            (URI,),
        )
    assert store.find(URI) == row()


def test_a_locked_database_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    store = XcapStore(f"sqlite:///{tmp_path}/x", timeout_s=0.01)
    store.save(row())
    with opened(tmp_path / "x") as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked"):
            store.save(row(etag='"2"'))
        other.execute("ROLLBACK")
    assert store.rows() == [row()]


def test_a_read_only_database_is_read_and_refuses_to_be_written(tmp_path: Path) -> None:
    XcapStore(f"sqlite:///{tmp_path}/x").save(row())
    store = XcapStore(f"sqlite:///file:{tmp_path}/x?mode=ro&uri=true")
    assert store.rows() == [row()]
    with pytest.raises(StoreError, match="readonly"):
        store.save(row(etag='"2"'))


def test_a_database_that_cannot_be_reached_is_named_without_its_password() -> None:
    with pytest.raises(StoreError) as caught:
        XcapStore("postgresql://kamailio:s3cret@127.0.0.1:1/kamailio", timeout_s=1)
    assert "127.0.0.1:1/kamailio" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_database_that_went_away_is_used_again_when_it_is_back(postgresql: str) -> None:
    with XcapStore(postgresql, create=True) as store, XcapStore(postgresql) as other:
        store.save(row())
        with other._transaction() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
            )
        assert store.rows() == [row()]
        with store._transaction() as connection:
            connection.execute(text("DROP TABLE xcap, version"))


def test_a_table_dropped_under_the_store_is_an_error_of_the_store(store: XcapStore) -> None:
    with store._transaction() as connection:
        connection.execute(text("DROP TABLE xcap"))
    with pytest.raises(StoreError, match="xcap"):
        store.rows()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("not a url", "not the URL of a database"),
        ("oracel://h/x", "unknown kind of database"),
        ("mysql://u@h/x", r"pip install 'PyMySQL'"),
    ],
)
def test_a_url_that_cannot_be_used_says_why(
    url: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)  # not installed, wherever this runs
    with pytest.raises(StoreError, match=message):
        XcapStore(url)


def _insert(store: XcapStore, document: StoredDocument) -> None:
    values = {name: getattr(document, name) for name in StoredDocument.__slots__}
    with store._transaction() as connection:
        connection.execute(store._table.insert().values(values))
