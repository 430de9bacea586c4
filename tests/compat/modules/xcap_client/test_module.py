"""``xcap_client``: as it was in faithful mode, its start, its URLs."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import pytest

import onehttp
from onehttp import ConfigurationError
from onehttp.xcap import XcapStore
from onehttp_compat.modules.xcap_client.documents import database_url, with_port
from onehttp_compat.server import LegacyServer
from onehttp_compat.xcap_client import (
    IF_NONE_MATCH,
    PRES_RULES,
    Element,
    XcapDocSel,
    XcapGetReq,
    bind_xcap,
)
from servers.xcap import XcapServer
from stand_ins.legacy.xcap_calls import PATH, RULES, loaded, row, rules

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")


def test_faithfully_the_document_is_lost_and_the_request_is_the_modules(
    faithful: LegacyServer,
    far: XcapServer,
    table: XcapStore,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    api = loaded(faithful, tmp_path)
    etag = far.store(PATH, RULES)
    assert api.getNewDoc(rules(far), "alice", "a.example") is None
    assert api.get_elem(rules(far, etag=etag, match_type=IF_NONE_MATCH)) == Element(None, None)
    assert [one.levelname for one in caplog.records] == ["ERROR", "ERROR"]
    assert all(set(one.headers) == {"host", "accept"} for one in far.requests)
    assert table.rows() == []


def test_faithfully_a_round_changes_nothing(
    faithful: LegacyServer, far: XcapServer, table: XcapStore, tmp_path: Path
) -> None:
    loaded(faithful, tmp_path)
    table.save(row(far, '"old"'))
    far.store(PATH, RULES)
    faithful.xcap_client.query_update()
    assert table.rows() == [row(far, '"old"')]
    assert "if-none-match" not in far.requests[0].headers


def test_faithfully_a_selector_is_cut_short(
    faithful: LegacyServer, far: XcapServer, tmp_path: Path
) -> None:
    api = loaded(faithful, tmp_path)
    selector = api.int_node_sel()
    api.add_step(selector, "ruleset", "urn:x")
    api.add_step(selector, None, None, 1)
    api.add_step(selector, "abcdef", None, 0, None, "[]")
    api.get_elem(rules(far, node_sel=selector))
    (request,) = far.requests
    assert request.target == f"/xcap-root/{PATH}/~~a:ruleset/[1]/ab?xmlns("


def test_faithfully_a_silent_server_is_not_logged(
    faithful: LegacyServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api = loaded(faithful, tmp_path)
    selector = XcapDocSel("pres-rules", PRES_RULES, xid="sip:a@b")
    assert api.getNewDoc(XcapGetReq("http://127.0.0.1", 1, selector), "a", "b") is None
    assert [one for one in caplog.records if one.levelno > logging.INFO] == []


def test_a_server_without_the_module_opens_nothing(
    legacy: LegacyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    legacy.start()
    assert list(tmp_path.iterdir()) == []
    assert legacy.xcap_client.updates is None


def test_another_version_of_the_table_refuses_to_start(
    legacy: LegacyServer, table: XcapStore, tmp_path: Path
) -> None:
    with table._transaction() as database:
        database.exec_driver_sql("UPDATE version SET table_version = 3")
    loaded(legacy, tmp_path)
    with pytest.raises(ConfigurationError, match="version 4 is needed"):
        legacy.start()


@pytest.mark.parametrize(
    ("name", "value"), [("query_period", "100"), ("db_url", 1), ("queryperiod", 1)]
)
def test_a_parameter_that_is_wrong_refuses_to_start(
    legacy: LegacyServer, name: str, value: object
) -> None:
    with pytest.raises(ConfigurationError):
        legacy.modparam("xcap_client", name, value)


def test_a_table_of_another_name_is_used(
    legacy: LegacyServer, far: XcapServer, tmp_path: Path
) -> None:
    api = loaded(legacy, tmp_path, xcap_table="documents")
    far.store(PATH, RULES)
    api.getNewDoc(rules(far), "alice", "a.example")
    store = XcapStore(f"sqlite:///{tmp_path}/xcap.sqlite", table="documents")
    assert [one.doc for one in store.rows()] == [RULES]


@pytest.mark.parametrize(
    ("legacy_url", "url"),
    [
        ("sqlite:///var/x.db", "sqlite:////var/x.db"),
        ("sqlite:////var/x.db", "sqlite:////var/x.db"),
        ("sqlite://x.db", "sqlite:///x.db"),
        ("sqlite://", "sqlite://"),
        ("mysql://k:rw@localhost/k", "mysql://k:rw@localhost/k"),
        ("postgres://k:rw@localhost:5433/k", "postgresql://k:rw@localhost:5433/k"),
        ("postgresql+psycopg://k@h/k", "postgresql+psycopg://k@h/k"),
    ],
)
def test_a_db_url_of_the_sip_server_is_understood(legacy_url: str, url: str) -> None:
    assert database_url(legacy_url) == url


@pytest.mark.parametrize(
    ("url", "port", "result"),
    [
        ("http://h/x?y", 81, "http://h:81/x?y"),
        ("http://h:80/x", 81, "http://h:81/x"),
        ("http://[::1]:80/x", 81, "http://[::1]:81/x"),
        ("http://h:80/x", 0, "http://h:80/x"),
        ("http://h:80/x", -1, "http://h:80/x"),
        ("http://h:80/x", 65536, "http://h:80/x"),
        ("h/x", 81, "h/x"),
    ],
)
def test_the_port_of_the_request_goes_before_the_urls(url: str, port: int, result: str) -> None:
    assert with_port(url, port) == result


@pytest.mark.filterwarnings("default::onehttp.LegacyCallWarning")
def test_each_place_is_warned_of_once_with_the_call_to_use(legacy: LegacyServer) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            bind_xcap(legacy).int_node_sel()
    texts = [str(one.message) for one in caught if one.category is onehttp.LegacyCallWarning]
    assert [text.partition("(")[0] for text in texts] == ["bind_xcap", "int_node_sel"]
    assert "NodeSelector()" in texts[1]
    assert "docs/migration/xcap_client.md" in texts[1]
