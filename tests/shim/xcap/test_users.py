"""A row is one user's, on every database, whatever its collation; and it is written at once."""

from __future__ import annotations

import dataclasses
import multiprocessing
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import onehttp
from onehttp.xcap import (
    DocumentSelector,
    RowRefusedError,
    StoredDocument,
    StoreError,
    XcapClient,
    XcapStore,
)
from onehttp.xcap.store import Change, Gone, Source
from onehttp.xcap.store.store import FEW_IDS
from onehttp.xcap.store.widths import values_of
from servers.patience import PATIENCE_S
from servers.xcap import XcapServer

ROOT = "http://xcap.example/root/"
RULESET = b'<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule id="%s"/></ruleset>'
TWINS = [("carol", "Carol"), ("andre", "andré"), ("bob", "bob "), ("a.b", "A.b")]


def row(user: str, *, root: str = ROOT, **values: Any) -> StoredDocument:
    uri = f"{root}pres-rules/users/sip:{user}@a.example/index"
    given = {"doc_uri": uri, "etag": '"1"', "doc": user.encode(), **values}
    return StoredDocument(username=user, domain="a.example", doc_type=2, port=80, **given)


@pytest.mark.parametrize(("one", "other"), TWINS)
def test_no_user_gets_the_document_of_another(
    database: str, store: XcapStore, one: str, other: str
) -> None:
    first, second = row(one), row(other)
    store.save(first)
    kept = [first, second]
    if store.loose_columns or (other.endswith(" ") and "mysql" in database):
        with pytest.raises(RowRefusedError, match="is the same as"):
            store.save(second)  # the schema leaves no other way
        kept = [first]
    else:
        store.save(second)
    assert store.rows() == kept
    assert store.find(first.doc_uri) == first
    assert store.find(second.doc_uri) == (second if second in kept else None)
    assert store.of_account(other, "a.example", 2) == [one for one in kept if one == second]
    assert store.of_account(one, "a.example", 2) == [first]
    stranger = dataclasses.replace(second, doc_uri=second.doc_uri.swapcase())
    assert store.replace([Change(stranger.doc_uri, '"1"', '"2"', b"<x/>")]) == [False]
    assert store.discard([Gone(stranger.doc_uri)]) == [False]
    if second not in kept:
        assert store.replace([Change(second.doc_uri, '"1"', '"2"', b"<x/>")]) == [False]
        assert not store.remove(second.doc_uri)
    assert store.rows() == kept


@pytest.mark.parametrize(
    "name", ["\u0436", "cafe\u0301", "\uff42\uff4f\uff42", "x\u200b", "\U0001f600"]
)
def test_names_beyond_the_character_set_of_a_column_are_nobodys(
    store: XcapStore, name: str
) -> None:
    """The SIP server's own scripts make columns of latin1."""
    store.save(row("bob"))
    accounts = {"user": (f"{name}1", "a.example"), "domain": ("bob", f"{name}.example")}
    for what, (user, domain) in accounts.items():
        stranger = row("", doc_uri=f"{ROOT}{what}")
        stranger = dataclasses.replace(stranger, username=user, domain=domain)
        is_kept = not any("latin1" in collation for collation in store.loose_columns.values())
        if is_kept:
            store.save(stranger)
        else:
            with pytest.raises(RowRefusedError, match="ALTER TABLE"):
                store.save(stranger)
        assert store.of_account(user, domain, 2) == [stranger] * is_kept
    assert store.find(ROOT + name) is None
    assert not store.remove(ROOT + name)
    assert store.replace([Change(ROOT + name, '"1"', '"2"', b"<x/>")]) == [False]
    assert store.of_account("bob", "a.example", 2) == [row("bob")]


def test_an_etag_that_differs_by_case_is_another(store: XcapStore) -> None:
    mine = row("carol", etag='"abc"')
    store.save(mine)
    assert store.replace([Change(mine.doc_uri, '"ABC"', '"2"', b"<x/>")]) == [False]
    assert store.discard([Gone(mine.doc_uri, '"ABC"')]) == [False]
    assert store.discard([Gone(mine.doc_uri, '"abc"')]) == [True]


def test_pages_hold_no_rows_of_a_root_that_differs_by_case(store: XcapStore) -> None:
    store.save(row("carol"))
    store.save(row("dave", root=ROOT.replace("root", "ROOT")))
    pages = list(store.watched(ROOT, page_rows=1))
    assert [[one.doc_uri for one in page] for page in pages] == [[row("carol").doc_uri]]


def test_whose_rows_are_is_told_of_those_that_are_there(store: XcapStore) -> None:
    rows = [values_of(row(f"user{number}")) for number in range(FEW_IDS + 20)]
    with store._transaction() as connection:
        connection.execute(store._table.insert(), rows)
    watched = [one for page in store.watched(ROOT) for one in page]
    assert store.remove(watched[7].doc_uri)
    owners = store.owners([one.id for one in watched])
    assert [number for number, one in enumerate(watched) if one.id not in owners] == [7]
    for number, one in enumerate(watched):
        if number != 7:
            owner = owners[one.id]
            assert (owner.username, owner.doc_type) == (f"user{number}", row("x").doc_type)
    assert store.owners([]) == {}


def test_a_schema_that_mixes_users_is_reported_with_what_to_alter(
    kamailio_mariadb: str, caplog: pytest.LogCaptureFixture
) -> None:
    with XcapStore(kamailio_mariadb) as store:
        assert store.loose_columns == dict.fromkeys(
            ("username", "domain", "doc_uri"), "latin1_swedish_ci"
        )
        store.save(row("carol"))
        with pytest.raises(RowRefusedError, match=r"users/sip:Carol@.* is the same as"):
            store.save(row("Carol"))
        # Another root makes another URI, but the server's modules look for the account.
        with pytest.raises(RowRefusedError, match=r"'Carol@a\.example' is the same as 'carol@a"):
            store.save(row("Carol", root="http://other.example/"))
        remedy = "ALTER TABLE xcap CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        assert remedy in caplog.text
        with store._transaction() as connection:
            connection.execute(text(remedy))
    caplog.clear()
    with XcapStore(kamailio_mariadb) as store:
        assert (store.loose_columns, caplog.text) == ({}, "")
        store.save(row("Carol"))
        assert [one.username for one in store.rows()] == ["carol", "Carol"]


def test_a_304_hands_out_the_document_of_the_one_who_asked(
    store: XcapStore, server: XcapServer
) -> None:
    onehttp.init({"version": 1, "connections": {"xcap": {"url": server.root}}})
    client = XcapClient("xcap", store)
    small, big = (DocumentSelector("pres-rules", f"sip:{user}@a.example") for user in TWINS[0])
    for selector, name in ((small, b"carol"), (big, b"CAROL")):
        server.store(selector.path, RULESET % name)
        server.etags[selector.path] = '"1"'  # servers count for each document
    for _ in range(2):
        assert client.get(small).body == RULESET % b"carol"
        assert client.get(big).body == RULESET % b"CAROL"
    server.store(big.path, RULESET % b"BIG")
    client.get(big)
    client.refresh()
    assert [one.doc for one in store.of_account("carol", "a.example", 2)] == [RULESET % b"carol"]
    client.delete(big)
    assert [one.doc for one in store.rows()] == [RULESET % b"carol"]


def test_writers_of_a_new_document_are_all_served(database: str, store: XcapStore) -> None:
    others = (
        []
        if database == "sqlite://"
        else [XcapStore(database, timeout_s=PATIENCE_S) for _ in range(4)]
    )
    stores = others or [store] * 4
    gate = threading.Barrier(4)
    failed: list[Exception] = []

    def write(number: int, own: XcapStore) -> None:
        for turn in range(10):
            gate.wait(PATIENCE_S)
            try:
                own.save(row(f"user{turn}", etag=f'"{number}"'))
            except StoreError as error:
                failed.append(error)

    threads = [threading.Thread(target=write, args=each) for each in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in stores:
        own.close()
    assert failed == []
    assert [one.username for one in store.rows()] == [f"user{turn}" for turn in range(10)]


def test_a_row_of_the_servers_own_stays_in_a_race_too(store: XcapStore) -> None:
    with store._transaction() as connection:
        values = {name: getattr(row("a"), name) for name in StoredDocument.__slots__}
        connection.execute(store._table.insert().values({**values, "source": Source.SERVER}))
    with pytest.raises(RowRefusedError, match="server's own"):
        store.save(row("a", etag='"2"', doc=b"<other/>"))
    assert [(one.etag, one.doc) for one in store.rows()] == [('"1"', b"a")]


def _work(url: str, gate: Any, said: Any, number: int) -> None:
    gate.wait(PATIENCE_S)
    try:
        with XcapStore(url, create=True, timeout_s=PATIENCE_S) as store:
            for turn in range(5):
                store.save(row(f"user{turn}", etag=f'"{number}"'))
                store.save(row(f"own-{number}-{turn}"))
        said.put("")
    except Exception as error:  # noqa: BLE001 - told by the parent
        said.put(f"{type(error).__name__}: {error}")


@pytest.mark.parametrize(
    "kind",
    [
        "sqlite",
        pytest.param("empty_postgresql", marks=pytest.mark.debian),
        pytest.param("empty_mariadb", marks=pytest.mark.debian),
    ],
)
def test_processes_make_and_fill_the_tables_together(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/x" if kind == "sqlite" else request.getfixturevalue(kind)
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([__name__])  # imported once
    gate, said = forks.Barrier(4), forks.Queue()
    workers = [forks.Process(target=_work, args=(url, gate, said, n)) for n in range(4)]
    for worker in workers:
        worker.start()
    assert [said.get(timeout=PATIENCE_S * 2) for _ in workers] == [""] * 4
    for worker in workers:
        worker.join()
    with XcapStore(url) as store:
        names = sorted(one.username for one in store.rows())
    own = [f"own-{number}-{turn}" for number in range(4) for turn in range(5)]
    assert names == sorted([*(f"user{turn}" for turn in range(5)), *own])


def test_a_half_made_table_is_mended(database: str, store: XcapStore) -> None:
    if database == "sqlite://":
        pytest.skip("nobody else can have made a table in memory")
    store.save(row("carol"))
    with store._transaction() as connection:
        connection.execute(text("DELETE FROM version WHERE table_name = 'xcap'"))
    store.close()
    with pytest.raises(StoreError, match="says None; create=True mends"):
        XcapStore(database)
    with XcapStore(database, create=True) as mended:
        assert mended.rows() == [row("carol")]
    XcapStore(database).close()


def test_a_table_of_that_name_with_other_columns_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x"
    with XcapStore(url, table="other", create=True) as store, store._transaction() as connection:
        connection.execute(text("CREATE TABLE xcap (id INTEGER)"))
    with pytest.raises(StoreError, match=r"without a version, with columns \['id'\]"):
        XcapStore(url, create=True)
