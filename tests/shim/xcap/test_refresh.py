"""Refreshing what is stored: on condition, many at once, whoever else is writing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

import onehttp
from onehttp.xcap import (
    DocumentChange,
    DocumentSelector,
    RefreshReport,
    StoredDocument,
    StoreError,
    XcapClient,
    XcapStore,
)
from onehttp.xcap.client_refresh import ClientRows
from onehttp.xcap.refresh import DEFAULT_WIDTH
from servers.databases.sqlite import opened
from servers.xcap import Answer, XcapServer

RULESET = b'<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>'
NEWER = b'<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule id="a"/></ruleset>'
Refresh = Callable[[XcapClient], RefreshReport]


@pytest.fixture(params=["thread", "task"])
def refresh(request: pytest.FixtureRequest) -> Refresh:
    """A refresh from a thread, and from a task."""
    if request.param == "thread":
        return XcapClient.refresh
    return lambda client: asyncio.run(client.arefresh())


def rules(user: str) -> DocumentSelector:
    return DocumentSelector("pres-rules", f"sip:{user}@a.example")


def filled(client: XcapClient, server: XcapServer, count: int) -> list[DocumentSelector]:
    """Documents on the server and in the store; the record of requests starts after."""
    selectors = [rules(f"user{number}") for number in range(count)]
    for selector in selectors:
        server.store(selector.path, RULESET)
        client.get(selector)
    server.requests.clear()
    return selectors


def test_only_conditional_requests_are_made_and_only_changes_written(
    client: XcapClient, server: XcapServer, refresh: Refresh
) -> None:
    selectors = filled(client, server, 70)
    heard: list[DocumentChange] = []
    client.on_change(heard.append)
    server.store(selectors[7].path, NEWER)
    assert refresh(client) == RefreshReport(unchanged=69, changed=1)
    assert refresh(client) == RefreshReport(unchanged=70)
    assert len(server.requests) == 140
    assert all("if-none-match" in one.headers for one in server.requests)
    assert [(one.xid, one.body) for one in heard] == [("sip:user7@a.example", NEWER)]
    assert client.store is not None
    stored = client.store.find(client.url(selectors[7]))
    assert stored is not None
    assert (stored.doc, stored.etag) == (NEWER, server.etags[selectors[7].path])


def test_a_failed_document_does_not_stop_the_refresh(
    client: XcapClient, server: XcapServer, refresh: Refresh
) -> None:
    selectors = filled(client, server, 8)
    bomb = b'<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>'
    for selector, answer in zip(
        selectors,
        [
            Answer(202, NEWER, [("ETag", '"202"')]),
            Answer(500),
            Answer(302, b"moved", [("Location", "/elsewhere")]),
            Answer(409, b"<e><!-- why --></e>"),
            Answer(200, RULESET.decode().encode("utf-16"), [("ETag", '"16"')]),
            Answer(200, bomb, [("ETag", '"bomb"')]),
            Answer(200, b'<r xmlns="urn:other"/>', [("ETag", '"other"')]),
        ],
        strict=False,
    ):
        server.faults[selector.path] = answer
    server.store(selectors[7].path, NEWER)
    assert refresh(client) == RefreshReport(failed=7, changed=1)
    assert client.store is not None
    assert [one.doc for one in client.store.rows()] == [RULESET] * 7 + [NEWER]


@pytest.mark.parametrize("status", [404, 410])
def test_what_the_server_has_no_more_goes_and_is_told_of(
    client: XcapClient, server: XcapServer, refresh: Refresh, status: int
) -> None:
    selectors = filled(client, server, 3)
    heard: list[DocumentChange] = []
    client.on_change(heard.append)
    server.faults[selectors[1].path] = Answer(status)
    assert refresh(client) == RefreshReport(unchanged=2, removed=1)
    assert [(one.url, one.is_removed, one.body) for one in heard] == [
        (client.url(selectors[1]), True, b"")
    ]
    assert client.store is not None
    assert len(client.store.rows()) == 2
    assert refresh(client) == RefreshReport(unchanged=2)


def test_documents_without_an_etag_are_told_apart_by_what_is_in_them(
    client: XcapClient, server: XcapServer, refresh: Refresh
) -> None:
    (selector,) = filled(client, server, 1)
    server.faults[selector.path] = Answer(200, NEWER)
    assert refresh(client) == RefreshReport(changed=1)
    assert refresh(client) == RefreshReport(unchanged=1)
    assert ["if-none-match" in one.headers for one in server.requests] == [True, False]
    assert client.store is not None
    assert [(one.doc, one.etag) for one in client.store.rows()] == [(NEWER, "")]


@pytest.mark.parametrize("place", ["call", "document", "replace"])
def test_not_even_a_mistake_of_the_program_in_one_document_ends_the_others(
    client: XcapClient,
    server: XcapServer,
    refresh: Refresh,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    selectors = filled(client, server, 4)
    for selector in selectors:
        server.store(selector.path, NEWER)
    bad = client.url(selectors[1])
    owner = client.store if place == "replace" else ClientRows
    work = getattr(owner, place)

    def fails(*given: Any) -> Any:
        rows = given[0] if place == "replace" else given[1:2]
        if any(row.doc_uri == bad for row in rows):
            raise RuntimeError("nobody thought of this")
        return work(*given)

    monkeypatch.setattr(owner, place, fails)
    expected = RefreshReport(changed=3, failed=1)
    assert refresh(client) == expected
    assert (bad in caplog.text and "nobody thought of this" in caplog.text) == expected.failed


def test_a_server_that_ignores_conditions_changes_nothing(
    client: XcapClient, server: XcapServer, refresh: Refresh
) -> None:
    (selector,) = filled(client, server, 1)
    etag = server.etags[selector.path]
    server.faults[selector.path] = Answer(200, RULESET, [("ETag", etag)])
    assert refresh(client) == RefreshReport(unchanged=1)


def test_a_stored_etag_that_cannot_be_sent_is_left_out(
    client: XcapClient, server: XcapServer, refresh: Refresh
) -> None:
    (selector,) = filled(client, server, 1)
    assert client.store is not None
    with client.store._transaction() as connection:
        connection.execute(text("UPDATE xcap SET etag = 'a\r\nX-Injected: 1'"))
    assert refresh(client) == RefreshReport(changed=1)
    assert "x-injected" not in server.requests[0].headers
    assert [one.etag for one in client.store.rows()] == [server.etags[selector.path]]


def test_rows_of_other_roots_are_not_asked_for(
    client: XcapClient, server: XcapServer, refresh: Refresh
) -> None:
    filled(client, server, 1)
    assert client.store is not None
    client.store.save(
        StoredDocument(
            username="a", domain="b", doc_type=2, port=80, etag='"1"', doc=b"<a/>",
            doc_uri="http://other.example/pres-rules/users/sip:a@b/index",
        )
    )  # fmt: skip
    assert refresh(client) == RefreshReport(unchanged=1)


def test_a_row_written_during_the_refresh_is_not_overwritten(
    client: XcapClient, server: XcapServer, refresh: Refresh
) -> None:
    (selector,) = filled(client, server, 1)
    server.store(selector.path, NEWER)
    heard: list[DocumentChange] = []
    client.on_change(heard.append)
    store = client.store
    assert store is not None
    read = store.watched
    mine = StoredDocument(
        username="user0", domain="a.example", doc_type=2, port=80,
        doc_uri=client.url(selector), etag='"mine"', doc=RULESET,
    )  # fmt: skip

    def watched(prefix: str = "", page_rows: int = 1000):  # type: ignore[no-untyped-def]
        for page in read(prefix, page_rows):
            store.save(mine)  # between reading the rows and writing what came
            yield page

    store.watched = watched  # type: ignore[method-assign]
    assert refresh(client) == RefreshReport(overtaken=1)
    assert store.rows() == [mine]
    assert heard == []


def test_two_refreshes_at_once_tell_of_a_change_once(
    client: XcapClient, server: XcapServer
) -> None:
    selectors = filled(client, server, 10)
    heard: list[DocumentChange] = []
    client.on_change(heard.append)
    for selector in selectors:
        server.store(selector.path, NEWER)
    threads = [threading.Thread(target=client.refresh) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.url for one in heard) == sorted(client.url(one) for one in selectors)


def test_a_document_that_the_store_does_not_take_is_tried_again_next_time(
    client: XcapClient, server: XcapServer, refresh: Refresh
) -> None:
    selectors = filled(client, server, 3)
    assert client.store is not None
    for selector in selectors:
        server.store(selector.path, NEWER)
    heard: list[DocumentChange] = []
    client.on_change(heard.append)
    bad = client.url(selectors[1])
    with client.store._transaction() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER no BEFORE UPDATE ON xcap "
                f"WHEN old.doc_uri = '{bad}' BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )
        )
    assert refresh(client) == RefreshReport(changed=2, failed=1)
    with client.store._transaction() as connection:
        connection.execute(text("DROP TRIGGER no"))
    assert refresh(client) == RefreshReport(unchanged=2, changed=1)
    assert sorted(one.url for one in heard) == sorted(client.url(one) for one in selectors)


def test_a_locked_store_is_waited_for_once_not_for_each_document(
    server: XcapServer, engine: str, refresh: Refresh, tmp_path: Path
) -> None:
    onehttp.init({"version": 1, "connections": {"xcap": {"url": server.root}}}, backend=engine)
    client = XcapClient("xcap", XcapStore(f"sqlite:///{tmp_path}/x", timeout_s=0.01))
    selectors = filled(client, server, 5)
    for selector in selectors:
        server.store(selector.path, NEWER)
    assert client.store is not None
    attempts: list[object] = []
    event.listen(client.store._engine, "before_execute", lambda *call: attempts.append(call))
    with opened(tmp_path / "x") as other:
        other.execute("BEGIN IMMEDIATE")  # may be read, not written
        assert refresh(client) == RefreshReport(failed=5)
        other.execute("ROLLBACK")
    assert len(attempts) == 3  # to read, to see whose they are, to write
    assert refresh(client) == RefreshReport(changed=5)


def test_large_documents_are_not_held_until_the_end(
    client: XcapClient, server: XcapServer, refresh: Refresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    selectors = filled(client, server, 150)
    for selector in selectors:
        server.store(selector.path, NEWER)
    monkeypatch.setattr("onehttp.xcap.refresh_report.MAX_BATCH_BYTES", 2 * len(NEWER))
    store = client.store
    assert store is not None
    batches: list[int] = []
    replace = store.replace

    def counted(changes: Any) -> list[bool]:
        batches.append(len(changes))
        return replace(changes)

    store.replace = counted  # type: ignore[method-assign]
    assert refresh(client) == RefreshReport(changed=150)
    assert sum(batches) == 150
    assert len(batches) > 1
    assert max(batches) < 2 + 2 * DEFAULT_WIDTH  # those in flight when it was enough


def test_a_store_that_is_gone_is_an_error_and_nothing_is_sent(
    client: XcapClient, server: XcapServer, refresh: Refresh
) -> None:
    filled(client, server, 1)
    assert client.store is not None
    with client.store._transaction() as connection:
        connection.execute(text("DROP TABLE xcap"))
    with pytest.raises(StoreError):
        refresh(client)
    assert server.requests == []


def test_no_transaction_is_open_while_requests_are_in_flight(
    store: XcapStore, server: XcapServer, engine: str
) -> None:
    onehttp.init({"version": 1, "connections": {"xcap": {"url": server.root}}}, backend=engine)
    client = XcapClient("xcap", store)
    filled(client, server, 3)
    moments: list[str] = []
    event.listen(store._engine, "commit", lambda _: moments.append("commit"))
    event.listen(store._engine, "begin", lambda _: moments.append("begin"))
    assert client.refresh() == RefreshReport(unchanged=3)
    assert moments == ["begin", "commit"]  # the page is read, and nothing is to be written


def test_a_server_that_is_down_fails_each_and_keeps_all(
    memory: XcapStore, engine: str, refresh: Refresh
) -> None:
    onehttp.init(
        {"version": 1, "connections": {"x": {"url": "http://127.0.0.1:9"}}}, backend=engine
    )
    client = XcapClient("x", memory)
    document = StoredDocument(
        username="a", domain="b", doc_type=2, port=9, etag='"1"', doc=b"<a/>",
        doc_uri="http://127.0.0.1:9/pres-rules/users/sip:a@b/index",
    )  # fmt: skip
    memory.save(document)
    assert refresh(client) == RefreshReport(failed=1)
    assert memory.rows() == [document]
