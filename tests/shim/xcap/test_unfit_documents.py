"""What is not fit to be sent, stored or asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest
from sqlalchemy import text

import onehttp
from onehttp.xcap import (
    DocumentSelector,
    NodeSelector,
    NotFoundError,
    SelectorError,
    StatusError,
    XcapClient,
    XcapStore,
    XmlError,
)
from servers.xcap import Answer, XcapServer

RULES = DocumentSelector("pres-rules", "sip:alice@a.example")
RULESET = b'<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>'


BOMB = b'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><r>&b;</r>'
UNFIT = [BOMB, b"<r", b'<r xmlns="urn:other"/>', b'<?xml version="1.1"?>' + RULESET]
GONE = {404, 410}


@pytest.mark.parametrize("body", UNFIT)
def test_what_is_not_fit_to_be_kept_leaves_the_stored_document(
    client: XcapClient, server: XcapServer, body: bytes
) -> None:
    server.store(RULES.path, RULESET)
    client.get(RULES)
    etag = server.etags[RULES.path]
    server.store(RULES.path, body)
    with pytest.raises(XmlError):
        client.get(RULES)
    assert client.store is not None
    assert [(one.doc, one.etag) for one in client.store.rows()] == [(RULESET, etag)]


@pytest.mark.parametrize("call", ["put", "aput"])
@pytest.mark.parametrize("status", [300, 400, 401, 403, 404, 405, 409, 410, 412, 415, 500, 503])
def test_a_put_that_is_refused_takes_the_row_only_where_there_is_no_such_document(
    client: XcapClient, server: XcapServer, status: int, call: str
) -> None:
    server.store(RULES.path, RULESET)
    client.get(RULES)
    removed: list[bool] = []
    client.on_change(lambda change: removed.append(change.is_removed))
    server.faults[RULES.path] = Answer(status)
    puts: dict[str, Callable[[], object]] = {
        "put": lambda: client.put(RULES, RULESET),
        "aput": lambda: asyncio.run(client.aput(RULES, RULESET)),
    }
    with pytest.raises(StatusError) as caught:
        puts[call]()
    assert (caught.value.status, isinstance(caught.value, NotFoundError)) == (
        status,
        status in GONE,
    )
    assert client.store is not None
    assert len(client.store.rows()) == (status not in GONE)
    assert removed == [True] * (status in GONE)


@pytest.mark.parametrize("body", UNFIT)
def test_what_is_not_fit_to_be_sent_is_not(
    client: XcapClient, server: XcapServer, body: bytes
) -> None:
    with pytest.raises(XmlError):
        client.put(RULES, body)
    assert server.requests == []


def test_a_304_that_nobody_asked_for_is_an_error(client: XcapClient, server: XcapServer) -> None:
    server.faults[RULES.path] = Answer(304, headers=[("ETag", '"x"')])
    with pytest.raises(StatusError, match="304 Not Modified, but"):
        client.get(RULES)
    assert client.store is not None
    assert client.store.rows() == []


def test_a_document_past_the_limit_leaves_the_stored_one(server: XcapServer, engine: str) -> None:
    connections = {"xcap": {"url": server.root, "max_body": 1000}}
    onehttp.init({"version": 1, "connections": connections}, backend=engine)
    client = XcapClient("xcap", XcapStore("sqlite://"))
    server.store(RULES.path, RULESET)
    client.get(RULES)
    server.store(RULES.path, RULESET + b" " * 1000)
    with pytest.raises(onehttp.TooLargeError):
        client.get(RULES)
    assert client.store is not None
    assert [one.doc for one in client.store.rows()] == [RULESET]


@pytest.mark.parametrize("tag", ["*", '"a", "b"', '"' + "e" * 200 + '"', "a b", "\xff"])
def test_a_hostile_etag_is_neither_stored_nor_sent_back(
    client: XcapClient, server: XcapServer, tag: str
) -> None:
    server.faults[RULES.path] = Answer(200, RULESET, [("ETag", tag)])
    for _ in range(2):
        document = client.get(RULES)
        assert (document.body, document.etag, document.is_stored) == (RULESET, None, False)
    assert all("if-none-match" not in one.headers for one in server.requests)


@pytest.mark.parametrize("call", ["get", "put"])
def test_a_store_that_fails_does_not_take_the_document_away(
    client: XcapClient,
    server: XcapServer,
    call: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert client.store is not None
    with client.store._transaction() as connection:
        connection.execute(text("DROP TABLE xcap"))
    server.store(RULES.path, RULESET)
    with caplog.at_level(logging.ERROR, "onehttp.xcap"):
        document = client.get(RULES) if call == "get" else client.put(RULES, RULESET)
    assert (document.body, document.is_stored) == (RULESET, False)
    assert "not stored" in caplog.text


def test_the_url_of_a_hostile_selector_stays_below_its_root(
    client: XcapClient, server: XcapServer
) -> None:
    hostile = DocumentSelector("pres-rules", "sip:x/../../admin?q#f@h")
    node = NodeSelector().step("a", attribute=("b", '"]/../../../../x?y#z'))
    with pytest.raises(NotFoundError):
        client.get_element(hostile, node)
    with pytest.raises(SelectorError):
        client.get(DocumentSelector("pres-rules", "..", "x"))
    (request,) = server.requests
    assert request.target.startswith(
        "/xcap-root/pres-rules/users/sip:x%2F..%2F..%2Fadmin%3Fq%23f@h/"
    )
    assert request.target.count("/") == 7
