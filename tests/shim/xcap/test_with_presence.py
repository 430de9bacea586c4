"""Kamailio's presence module reads from the table what the client has stored there."""

from __future__ import annotations

from pathlib import Path

import pytest

import onehttp
from onehttp.xcap import DocumentSelector, XcapClient, XcapStore
from servers.kamailio import presence
from servers.xcap import XcapServer

RULES = """<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"
         xmlns:pr="urn:ietf:params:xml:ns:pres-rules">
  <rule id="friends">
    <conditions><identity><one id="{allowed}"/></identity></conditions>
    <actions><pr:sub-handling>allow</pr:sub-handling></actions>
    <transformations/>
  </rule>
  <rule id="blocked">
    <conditions><identity><one id="{blocked}"/></identity></conditions>
    <actions><pr:sub-handling>block</pr:sub-handling></actions>
    <transformations/>
  </rule>
</ruleset>"""
ALICE = "sip:alice@a.example"
BOB, CAROL, DAVE, ERIN = (f"sip:{name}@a.example" for name in ("bob", "carol", "dave", "erin"))


@pytest.mark.debian
def test_presence_shows_a_user_to_whom_the_stored_rules_allow(
    kamailio_mariadb: str, mariadb_socket: Path, server: XcapServer, tmp_path: Path
) -> None:
    selector = DocumentSelector("pres-rules", ALICE)
    server.store(selector.path, RULES.format(allowed=BOB, blocked=CAROL).encode())
    onehttp.init({"version": 1, "connections": {"xcap": {"url": server.root}}})
    with XcapStore(kamailio_mariadb) as store:
        client = XcapClient("xcap", store)
        assert client.get(selector).is_stored
        with presence.running(tmp_path, mariadb_socket, "kamailio") as watched:
            assert watched.state(BOB, ALICE) == "active"
            assert watched.state(CAROL, ALICE) == "terminated"
            assert watched.state(DAVE, ALICE) == "pending"
        server.store(selector.path, RULES.format(allowed=ERIN, blocked=BOB).encode())
        assert client.refresh().changed == 1
        with presence.running(tmp_path, mariadb_socket, "kamailio") as watched:
            assert watched.state(ERIN, ALICE) == "active"
    onehttp.shutdown()
