"""What ``presence_xml`` and ``rls`` ask for, and the addresses they take."""

from __future__ import annotations

from pathlib import Path

import pytest

from onehttp import ConfigurationError
from onehttp_compat.modules.xcap_client.consumers import PresenceXml, Rls, server_address
from onehttp_compat.server import LegacyServer
from onehttp_compat.xcap_client import XcapApi, bind_xcap
from servers.xcap import XcapServer

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")


@pytest.fixture
def api(legacy: LegacyServer, tmp_path: Path) -> XcapApi:
    legacy.modparam("xcap_client", "db_url", f"sqlite://{tmp_path}/xcap.sqlite")
    legacy.modparam("xcap_client", "periodical_query", 0)
    return bind_xcap(legacy)


def address(server: XcapServer, root: str = "/xcap-root") -> str:
    """As the SIP server's configuration has it: the port at the end."""
    host, _, port = server.root.removesuffix("/xcap-root").rpartition(":")
    return f"{host}{root}:{port}"


@pytest.mark.parametrize(
    ("text", "root", "port"),
    [
        ("http://h/xcap-root:8000", "http://h/xcap-root", 8000),
        ("h/root", "h/root", 80),
        ("h/root:8000", "h/root", 8000),
        ("h:65535", "h", 65535),
    ],
)
def test_the_port_stands_at_the_end(text: str, root: str, port: int) -> None:
    assert server_address(text, 80) == (root, port)


@pytest.mark.parametrize(
    "text",
    [
        "http://h:8000/root",
        "http://h/root",
        "http://h/r:0",
        "http://h/r:65536",
        "h:x",
        "h:",
        "h:1:2",
    ],
)
def test_another_address_refuses_to_start(text: str) -> None:
    with pytest.raises(ConfigurationError, match="the port at the end"):
        server_address(text, 80)


def test_rules_come_from_the_first_server_that_has_them(api: XcapApi) -> None:
    presence = PresenceXml(api)
    path = "pres-rules/users/sip:alice@a.example/index"
    with XcapServer() as empty, XcapServer() as full, XcapServer() as spare:
        for server in (empty, full, spare):
            presence.set("xcap_server", address(server))
        full.store(path, b"<full/>")
        spare.store(path, b"<spare/>")
        assert presence.rules("alice", "a.example") == b"<full/>"
        assert [server.seen() for server in (empty, full, spare)] == [[f"GET {path}"]] * 2 + [[]]
        assert presence.rules("bob", "a.example") is None


def test_a_document_of_the_table_is_not_fetched(api: XcapApi) -> None:
    presence = PresenceXml(api)
    with XcapServer() as server:
        server.store("pres-rules/users/sip:alice@a.example/index", b"<rules/>")
        presence.set("xcap_server", address(server))
        assert [presence.rules("alice", "a.example") for _ in range(2)] == [b"<rules/>"] * 2
        assert len(server.seen()) == 1
        presence.set("integrated_xcap_server", 1)
        assert presence.rules("alice", "a.example") == b"<rules/>"


@pytest.mark.parametrize("setting", ["force_active", "integrated_xcap_server"])
def test_rules_are_not_asked_for_where_they_are_not_needed(api: XcapApi, setting: str) -> None:
    presence = PresenceXml(api)
    with XcapServer() as server:
        presence.set("xcap_server", address(server))
        presence.set(setting, 1)
        assert presence.rules("alice", "a.example") is None
        assert server.seen() == []


def test_services_are_a_folder(api: XcapApi) -> None:
    rls = Rls(api)
    assert rls.service_list("alice", "a.example") is None
    with XcapServer() as server:
        rls.set("xcap_root", address(server))
        rls.set("integrated_xcap_server", 0)
        server.store("rls-services/users/sip:alice@a.example/", b"<rls-services/>")
        assert rls.service_list("alice", "a.example") == b"<rls-services/>"
        rls.set("integrated_xcap_server", 1)
        assert rls.service_list("alice", "a.example") == b"<rls-services/>"
        assert rls.service_list("bob", "a.example") is None
        assert len(server.seen()) == 1


@pytest.mark.parametrize("kind", [PresenceXml, Rls])
def test_a_parameter_that_is_not_about_xcap_is_refused(
    api: XcapApi, kind: type[PresenceXml | Rls]
) -> None:
    with pytest.raises(ConfigurationError, match="integrated_xcap_server"):
        kind(api).set("db_url", "x")
