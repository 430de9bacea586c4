"""Against an XCAP server that is not ours, which keeps its documents in the same table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import onehttp
from onehttp.xcap import (
    DocumentSelector,
    NodeSelector,
    NotFoundError,
    PreconditionFailedError,
    RefreshReport,
    XcapClient,
    XcapStore,
)
from onehttp.xcap.store import Source
from servers.kamailio import server as kamailio

RULES = DocumentSelector("pres-rules", "sip:alice@a.example")
RULESET = b'<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule id="a"/></ruleset>'


@pytest.fixture
def table(tmp_path: Path) -> XcapStore:
    """The table that Kamailio works on; it refuses to start with another version of it."""
    return XcapStore(f"sqlite:///{tmp_path}/kamailio.sqlite")


@pytest.fixture
def client(debian: None, table: XcapStore, tmp_path: Path) -> Iterator[XcapClient]:
    with kamailio.running(tmp_path, tmp_path / "kamailio.sqlite") as root:
        onehttp.init({"version": 1, "connections": {"xcap": {"url": root}}})
        yield XcapClient("xcap", XcapStore("sqlite://"))
        onehttp.shutdown()


def test_kamailio_serves_what_the_client_writes_and_keeps_it_in_the_table(
    client: XcapClient, table: XcapStore
) -> None:
    created = client.put(RULES, RULESET, if_none_match="*")
    assert client.get(RULES) == created
    (row,) = table.rows()
    assert (row.doc, row.username, row.domain, row.doc_type, row.source) == (
        RULESET, "alice", "a.example", 2, Source.SERVER,
    )  # fmt: skip
    assert created.etag == f'"{row.etag}"'

    node = NodeSelector().step("ruleset").step("rule", attribute=("id", "a"))
    assert client.get_element(RULES, node).root.get("id") == "a"

    assert client.refresh() == RefreshReport(unchanged=1)
    other = XcapClient("xcap", XcapStore("sqlite://"))
    newer = other.put(RULES, RULESET.replace(b'"a"', b'"b"'))
    assert client.refresh() == RefreshReport(changed=1)
    assert client.get(RULES) == newer

    with pytest.raises(PreconditionFailedError):
        client.put(RULES, RULESET, if_match=created.etag)
    client.delete(RULES, if_match=newer.etag)
    assert table.rows() == []
    with pytest.raises(NotFoundError):
        client.get(RULES)
