"""`XcapClient` against a server that keeps RFC 4825, on each engine."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

import onehttp
from onehttp.xcap import (
    ConflictError,
    DocType,
    DocumentChange,
    DocumentSelector,
    NodeSelector,
    NotFoundError,
    PreconditionFailedError,
    SelectorError,
    StoreError,
    WrongNamespaceError,
    XcapClient,
    XcapStore,
)
from servers.xcap import Answer, XcapServer

RULES = DocumentSelector("pres-rules", "sip:alice@a.example")
LISTS = DocumentSelector("resource-lists", "sip:alice@a.example")
RULESET = b'<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>'
FRIENDS = (
    b'<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="friends">'
    b'<entry uri="sip:bob@b.example"/><entry uri="sip:carol@c.example"/></list></resource-lists>'
)
LIST = NodeSelector().step("resource-lists").step("list", attribute=("name", "friends"))
CAROL = LIST.step("entry", attribute=("uri", "sip:carol@c.example"))


def test_a_document_is_fetched_once_and_then_asked_for_on_condition(
    client: XcapClient, server: XcapServer
) -> None:
    etag = server.store(RULES.path, RULESET)
    first = client.get(RULES)
    second = client.get(RULES)
    assert (first.body, first.etag, first.is_stored) == (RULESET, etag, True)
    assert second == first
    assert [one.headers.get("if-none-match") for one in server.requests] == [None, etag]


def test_a_changed_document_replaces_the_stored_one(client: XcapClient, server: XcapServer) -> None:
    server.store(RULES.path, RULESET)
    client.get(RULES)
    newer = RULESET.replace(b"/>", b"></ruleset>")
    etag = server.store(RULES.path, newer)
    assert client.get(RULES).body == newer
    assert client.store is not None
    stored = client.store.find(client.url(RULES))
    assert stored is not None
    assert (stored.doc, stored.etag, stored.username, stored.domain, stored.doc_type) == (
        newer, etag, "alice", "a.example", DocType.PRES_RULES,
    )  # fmt: skip


def test_tasks_read_and_write_as_threads_do(client: XcapClient, server: XcapServer) -> None:
    async def work() -> None:
        written = await client.aput(RULES, RULESET, if_none_match="*")
        assert await client.aget(RULES) == written
        server.store(LISTS.path, FRIENDS)
        node = await client.aget_element(LISTS, CAROL)
        assert node.root.get("uri") == "sip:carol@c.example"
        etag = await client.aput_element(LISTS, CAROL, '<entry uri="sip:dave@d.example"/>')
        assert await client.adelete_element(LISTS, LIST.step("entry", position=1), if_match=etag)
        assert b"dave" in server.documents[LISTS.path]
        assert b"bob" not in server.documents[LISTS.path]
        await client.adelete(RULES, if_match=written.etag)
        with pytest.raises(NotFoundError):
            await client.aget(RULES)

    asyncio.run(work())


def test_a_document_is_created_once_only_if_asked_so(
    client: XcapClient, server: XcapServer
) -> None:
    created = client.put(RULES, RULESET, if_none_match="*")
    assert server.documents[RULES.path] == RULESET
    assert server.requests[0].headers["content-type"] == "application/auth-policy+xml"
    with pytest.raises(PreconditionFailedError, match="412"):
        client.put(RULES, RULESET, if_none_match="*")
    assert client.get(RULES) == created


def test_a_lost_update_is_a_412_and_changes_nothing(client: XcapClient, server: XcapServer) -> None:
    server.store(RULES.path, RULESET)
    mine = client.get(RULES)
    server.store(RULES.path, RULESET + b"<!-- theirs -->")
    with pytest.raises(PreconditionFailedError) as caught:
        client.put(RULES, RULESET + b"<!-- mine -->", if_match=mine.etag)
    assert caught.value.status == 412
    with pytest.raises(PreconditionFailedError):
        client.delete(RULES, if_match=mine.etag)
    assert server.documents[RULES.path] == RULESET + b"<!-- theirs -->"
    assert client.store is not None
    assert client.store.find(client.url(RULES)).doc == RULESET  # type: ignore[union-attr]


def test_a_deleted_document_is_gone_from_the_store_too(
    client: XcapClient, server: XcapServer
) -> None:
    client.put(RULES, RULESET)
    client.delete(RULES)
    assert RULES.path not in server.documents
    assert client.store is not None
    assert client.store.rows() == []


def test_nodes_are_read_written_and_deleted(client: XcapClient, server: XcapServer) -> None:
    server.store(LISTS.path, FRIENDS)
    assert client.get_element(LISTS, CAROL).root.get("uri") == "sip:carol@c.example"
    assert client.get_element(LISTS, CAROL.attribute("uri")).text == "sip:carol@c.example"
    etag = client.put_element(LISTS, CAROL, '<entry uri="sip:dave@d.example"/>')
    assert etag == server.etags[LISTS.path]
    with pytest.raises(NotFoundError):
        client.get_element(LISTS, CAROL)
    client.delete_element(LISTS, LIST.step("entry", position=1), if_match=etag)
    assert b"bob" not in server.documents[LISTS.path]
    types = [one.headers.get("content-type") for one in server.requests if one.method == "PUT"]
    assert types == ["application/xcap-el+xml"]


def test_a_prefix_of_ones_own_selects_the_same_node(client: XcapClient, server: XcapServer) -> None:
    server.store(LISTS.path, FRIENDS)
    namespace = "urn:ietf:params:xml:ns:resource-lists"
    node = NodeSelector().step("resource-lists", namespace=namespace).step("list", position=1)
    assert client.get_element(LISTS, node).root.get("name") == "friends"
    assert server.seen()[-1].endswith(f"?xmlns(n0={namespace})")


def test_a_wrong_namespace_finds_nothing(client: XcapClient, server: XcapServer) -> None:
    server.store(LISTS.path, FRIENDS)
    with pytest.raises(NotFoundError):
        client.get_element(LISTS, NodeSelector().step("resource-lists", namespace="urn:other"))


def test_an_element_other_than_the_one_asked_for_is_not_handed_out(
    client: XcapClient, server: XcapServer
) -> None:
    path = f"{LISTS.path}/~~/{LIST.path}"
    server.faults[path] = Answer(200, b'<list xmlns="urn:evil"/>')
    with pytest.raises(WrongNamespaceError, match="urn:evil"):
        client.get_element(LISTS, LIST).root
    server.faults[path] = Answer(200, b'<other xmlns="urn:ietf:params:xml:ns:resource-lists"/>')
    with pytest.raises(WrongNamespaceError, match="other"):
        client.get_element(LISTS, LIST).root


def test_namespace_bindings_cannot_be_written(client: XcapClient, server: XcapServer) -> None:
    with pytest.raises(SelectorError):
        client.put_element(LISTS, LIST.namespaces(), "")
    assert server.requests == []


def test_a_conflict_names_its_condition(client: XcapClient, server: XcapServer) -> None:
    server.store(LISTS.path, FRIENDS)
    with pytest.raises(ConflictError) as caught:
        client.put_element(LISTS, LIST.step("nothing").step("here"), "<here/>")
    assert caught.value.condition == "no-parent"


def test_a_conflict_with_a_hostile_body_has_no_condition(
    client: XcapClient, server: XcapServer
) -> None:
    server.faults[RULES.path] = Answer(409, b'<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>')
    with pytest.raises(ConflictError) as caught:
        client.put(RULES, RULESET)
    assert caught.value.condition is None


def test_callbacks_hear_of_what_is_new_newest_first(client: XcapClient, server: XcapServer) -> None:
    heard: list[tuple[str, DocumentChange]] = []
    client.on_change(lambda change: heard.append(("all", change)))
    client.on_change(lambda change: heard.append(("rules", change)), DocType.PRES_RULES)
    end = client.on_change(lambda change: heard.append(("lists", change)), DocType.RESOURCE_LIST)
    server.store(RULES.path, RULESET)
    client.get(RULES)
    client.get(RULES)
    assert [name for name, _ in heard] == ["rules", "all"]
    assert heard[0][1] == DocumentChange(
        doc_type=2,
        xid="sip:alice@a.example",
        url=f"{server.root}/{RULES.path}",
        etag=server.etags[RULES.path],
        body=RULESET,
    )
    end()
    client.put(LISTS, FRIENDS)
    assert [name for name, _ in heard] == ["rules", "all", "all"]


def test_a_callback_that_fails_does_not_silence_the_others(
    client: XcapClient, server: XcapServer, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[DocumentChange] = []
    client.on_change(heard.append)
    client.on_change(_fail)
    client.put(RULES, RULESET)
    assert len(heard) == 1
    assert "a callback failed" in caplog.text


def _fail(change: DocumentChange) -> None:
    raise ValueError("from a callback")


def test_without_a_store_every_get_fetches(server: XcapServer, engine: str) -> None:
    onehttp.init({"version": 1, "connections": {"xcap": {"url": server.root}}}, backend=engine)
    client = XcapClient(onehttp.connection("xcap"))
    server.store(RULES.path, RULESET)
    assert [client.get(RULES).is_stored for _ in range(2)] == [False, False]
    assert [one.headers.get("if-none-match") for one in server.requests] == [None, None]
    with pytest.raises(StoreError, match="no store"):
        client.refresh()


@pytest.mark.parametrize(
    "call", [lambda client: client.get(RULES), lambda client: client.put(RULES, RULESET)]
)
def test_a_server_that_is_down_is_a_transfer_error(
    engine: str, call: Callable[[XcapClient], object]
) -> None:
    connections = {"xcap": {"url": "http://127.0.0.1:9"}}
    onehttp.init({"version": 1, "connections": connections}, backend=engine)
    with pytest.raises(onehttp.ConnectError):
        call(XcapClient("xcap", XcapStore("sqlite://")))


def test_an_answer_overtaken_by_a_write_is_not_stored(
    client: XcapClient, server: XcapServer
) -> None:
    heard: list[str | None] = []
    client.on_change(lambda change: heard.append(change.etag))
    server.store(RULES.path, RULESET)
    client.get(RULES)
    late = server.store(RULES.path, RULESET + b"<!-- late -->")
    store = client.store
    assert store is not None
    replace = store.replace

    def overtaken(changes: Any) -> list[bool]:
        store.save(dataclasses.replace(store.rows()[0], etag='"newest"'))
        return replace(changes)

    store.replace = overtaken  # type: ignore[method-assign]
    document = client.get(RULES)
    assert (document.etag, document.is_stored) == (late, False)
    assert [one.etag for one in store.rows()] == ['"newest"']
    assert heard == ['"tag-1"']


def test_a_document_deleted_on_the_server_is_so_though_the_store_fails(
    client: XcapClient, server: XcapServer, caplog: pytest.LogCaptureFixture
) -> None:
    client.put(RULES, RULESET)
    assert client.store is not None
    with client.store._transaction() as connection:
        connection.execute(text("DROP TABLE xcap"))
    client.delete(RULES)
    assert server.documents == {}
    assert "still stored" in caplog.text
