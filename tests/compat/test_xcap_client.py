"""``xcap_client``: documents come back, rows are kept and kept fresh, callbacks hear of it."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import onehttp
from onehttp import ConfigurationError
from onehttp.xcap import StoredDocument, XcapStore
from onehttp_compat.modules.xcap_client.documents import database_url, with_port
from onehttp_compat.server import LegacyServer
from onehttp_compat.xcap_client import (
    GLOBAL_TYPE,
    IF_MATCH,
    IF_NONE_MATCH,
    PRES_RULES,
    RESOURCE_LIST,
    RLS_SERVICE,
    Element,
    XcapApi,
    XcapDocSel,
    XcapGetReq,
    bind_xcap,
    refreshXcapDoc,
)
from servers.xcap import Answer, XcapServer

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")
PATH = "pres-rules/users/sip:alice@a.example/index"
RULES = b"<rules/>"


@pytest.fixture
def far() -> Iterator[XcapServer]:
    with XcapServer() as running:
        yield running


@pytest.fixture
def table(tmp_path: Path) -> XcapStore:
    """The table, as others see it."""
    return XcapStore(f"sqlite:///{tmp_path}/xcap.sqlite")


def loaded(server: LegacyServer, tmp_path: Path, **parameters: int | str) -> XcapApi:
    """The module with a database in the test's folder, and no timer of its own."""
    server.modparam("xcap_client", "db_url", f"sqlite://{tmp_path}/xcap.sqlite")
    server.modparam("xcap_client", "periodical_query", 0)
    for name, value in parameters.items():
        server.modparam("xcap_client", name, value)
    return bind_xcap(server)


@pytest.fixture
def api(legacy: LegacyServer, tmp_path: Path) -> XcapApi:
    return loaded(legacy, tmp_path)


def rules(far: XcapServer, **more: object) -> XcapGetReq:
    """A request for alice's rules."""
    address, _, port = far.root.removesuffix("/xcap-root").rpartition(":")
    selector = XcapDocSel("pres-rules", PRES_RULES, xid="sip:alice@a.example")
    return XcapGetReq(f"{address}/xcap-root", int(port), selector, **more)  # type: ignore[arg-type]


def row(far: XcapServer, etag: str, doc: bytes = b"<old/>") -> StoredDocument:
    request = rules(far)
    return StoredDocument(
        username="alice", domain="a.example", doc_type=PRES_RULES, port=request.port,
        doc_uri=f"{request.xcap_root}/{PATH}", etag=etag, doc=doc,
    )  # fmt: skip


def test_a_new_document_comes_back_and_becomes_a_row(
    api: XcapApi, far: XcapServer, table: XcapStore
) -> None:
    etag = far.store(PATH, RULES)
    assert api.getNewDoc(rules(far), "alice", "a.example") == RULES
    assert table.rows() == [row(far, etag, RULES)]
    (request,) = far.requests
    assert request.target == f"/xcap-root/{PATH}"
    assert set(request.headers) == {"host", "accept"}


def test_a_document_asked_for_again_replaces_its_row(
    api: XcapApi, far: XcapServer, table: XcapStore
) -> None:
    far.store(PATH, RULES)
    api.getNewDoc(rules(far), "alice", "a.example")
    etag = far.store(PATH, b"<newer/>")
    assert api.getNewDoc(rules(far), "alice", "a.example") == b"<newer/>"
    assert table.rows() == [row(far, etag, b"<newer/>")]


def test_a_document_without_etag_is_none(
    api: XcapApi, far: XcapServer, table: XcapStore, caplog: pytest.LogCaptureFixture
) -> None:
    far.faults[PATH] = Answer(200, RULES)
    assert api.getNewDoc(rules(far), "alice", "a.example") is None
    assert "no etag" in caplog.text
    assert table.rows() == []
    assert api.get_elem(rules(far)) == Element(RULES, None)


@pytest.mark.parametrize(
    "answer",
    [Answer(404), Answer(500, b"broken"), Answer(304), Answer(200, headers=[("ETag", "e")])],
)
def test_no_document_is_none(
    api: XcapApi, far: XcapServer, table: XcapStore, answer: Answer
) -> None:
    far.faults[PATH] = answer
    assert api.getNewDoc(rules(far), "alice", "a.example") is None
    assert api.get_elem(rules(far)) == Element(None, None)
    assert table.rows() == []


def test_the_document_comes_back_though_its_row_is_the_servers_own(
    api: XcapApi,
    far: XcapServer,
    table: XcapStore,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    far.store(PATH, RULES)
    table.save(row(far, '"0"'))
    with sqlite3.connect(tmp_path / "xcap.sqlite") as database:
        database.execute("UPDATE xcap SET source = 0")
    assert api.getNewDoc(rules(far), "alice", "a.example") == RULES
    assert "not stored" in caplog.text
    assert [one.doc for one in table.rows()] == [b"<old/>"]


def test_the_document_comes_back_though_the_database_is_gone(
    api: XcapApi, legacy: LegacyServer, far: XcapServer, tmp_path: Path
) -> None:
    far.store(PATH, RULES)
    legacy.start()
    with sqlite3.connect(tmp_path / "xcap.sqlite") as database:
        database.execute("DROP TABLE xcap")
    assert api.getNewDoc(rules(far), "alice", "a.example") == RULES


def test_conditions_really_leave_the_process(api: XcapApi, far: XcapServer) -> None:
    etag = far.store(PATH, RULES)
    assert api.get_elem(rules(far)) == Element(RULES, etag)
    assert api.get_elem(rules(far, etag=etag, match_type=IF_NONE_MATCH)) == Element(None, None)
    assert api.getElem(rules(far, etag='"no"', match_type=IF_MATCH)) == Element(None, None)
    assert api.get_elem(rules(far, etag=etag, match_type=IF_MATCH)) == Element(RULES, etag)
    sent = [(one.headers.get("if-match"), one.headers.get("if-none-match")) for one in far.requests]
    assert sent == [(None, None), (None, etag), ('"no"', None), (etag, None)]


def test_a_hostile_etag_of_the_caller_is_not_sent(api: XcapApi, far: XcapServer) -> None:
    request = rules(far, etag='"a"\r\nX-Injected: 1', match_type=IF_NONE_MATCH)
    assert api.get_elem(request) == Element(None, None)
    assert far.requests == []


def test_a_node_is_selected_as_the_rfc_says(api: XcapApi, far: XcapServer) -> None:
    selector = api.int_node_sel()
    assert api.add_step(selector, "ruleset", "urn:ietf:params:xml:ns:common-policy") is selector
    api.add_step(selector, "rule", "urn:ietf:params:xml:ns:common-policy", 1, ("@id", '"a"'))
    api.add_step(selector, None, None, 2)
    assert api.add_terminal(selector, "@id", "", "") is None  # type: ignore[func-returns-value]
    api.get_elem(rules(far, node_sel=selector))
    api.free_node_sel(selector)
    (request,) = far.requests
    bound = (
        "xmlns(a=urn:ietf:params:xml:ns:common-policy)xmlns(b=urn:ietf:params:xml:ns:common-policy)"
    )
    assert request.target == (
        f"/xcap-root/{PATH}/~~/a:ruleset/b:rule%5B@id=%22a%22%5D%5B1%5D/*%5B2%5D?{bound}"
    )


def test_extra_text_is_appended_and_nothing_gets_out_of_its_step(
    api: XcapApi, far: XcapServer
) -> None:
    selector = api.int_node_sel()
    api.add_step(selector, "a", None, 0, ("@b", '"]/../../../x?y#z'), "[@c]")
    api.get_elem(rules(far, node_sel=selector))
    (request,) = far.requests
    step = "a%5B@b=%22%5D%2F..%2F..%2F..%2Fx%3Fy%23z%5D%5B@c%5D"
    assert request.target == f"/xcap-root/{PATH}/~~/{step}"


def test_what_cannot_be_a_url_is_none_and_not_sent(
    api: XcapApi, far: XcapServer, caplog: pytest.LogCaptureFixture
) -> None:
    going_up = rules(far)
    going_up.doc_sel.xid = ".."
    for request in (going_up, rules(far, node_sel=api.int_node_sel())):
        assert api.get_elem(request) == Element(None, None)
        assert api.getNewDoc(request, "a", "b") is None
    assert far.requests == []
    assert "without steps" in caplog.text


def test_there_are_prefixes_for_26_steps(api: XcapApi) -> None:
    selector = api.int_node_sel()
    for number in range(26):
        assert api.add_step(selector, "a", f"urn:{number}") is selector
    assert api.add_step(selector, "a", "urn:26") is None
    assert api.add_step(selector, "a") is selector


def test_the_global_tree_has_no_user(api: XcapApi, far: XcapServer) -> None:
    request = rules(far)
    request.doc_sel.type = GLOBAL_TYPE
    api.get_elem(request)
    assert far.seen() == ["GET pres-rules/global/index"]


def test_callbacks_are_told_by_type_newest_first(api: XcapApi, legacy: LegacyServer) -> None:
    heard: list[str] = []
    assert api.register_xcb(PRES_RULES, lambda *_: heard.append("rules")) == 0
    assert api.register_xcapcb(PRES_RULES | RESOURCE_LIST, lambda *_: heard.append("both")) == 0
    api.register_xcb(RESOURCE_LIST, lambda *_: heard.append("lists"))
    legacy.xcap_client.notify(PRES_RULES, "sip:a@b", b"")
    assert heard == ["both", "rules"]


def test_a_callback_that_fails_does_not_silence_the_others(
    api: XcapApi, legacy: LegacyServer, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[tuple[int, str, bytes]] = []
    api.register_xcb(PRES_RULES, lambda *news: heard.append(news))
    api.register_xcb(PRES_RULES, lambda *_: 1 / 0)
    legacy.xcap_client.notify(PRES_RULES, "sip:a@b", b"<a/>")
    assert heard == [(PRES_RULES, "sip:a@b", b"<a/>")]
    assert "ZeroDivisionError" in caplog.text


# ---- the periodic update


def test_a_round_asks_on_condition_and_tells_of_changes(
    api: XcapApi, legacy: LegacyServer, far: XcapServer, table: XcapStore
) -> None:
    heard: list[tuple[int, str, bytes]] = []
    api.register_xcb(PRES_RULES, lambda *news: heard.append(news))
    table.save(row(far, '"old"'))
    etag = far.store(PATH, RULES)
    for _ in range(2):
        assert legacy.xcap_client.query_update() is not None
    assert table.rows() == [row(far, etag, RULES)]
    assert heard == [(PRES_RULES, "sip:alice@a.example", RULES)]
    assert [one.headers["if-none-match"] for one in far.requests] == ['"old"', etag]


def test_a_row_without_user_is_the_domains(
    api: XcapApi, legacy: LegacyServer, far: XcapServer, table: XcapStore
) -> None:
    heard: list[str] = []
    api.register_xcb(PRES_RULES, lambda _, xid, __: heard.append(xid))
    table.save(row(far, '"old"'))
    with table._transaction() as database:
        database.exec_driver_sql("UPDATE xcap SET username = ''")
    far.store(PATH, RULES)
    legacy.xcap_client.query_update()
    assert heard == ["sip:a.example"]


def test_a_round_without_a_table_is_logged(
    api: XcapApi, legacy: LegacyServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    legacy.start()
    with sqlite3.connect(tmp_path / "xcap.sqlite") as database:
        database.execute("DROP TABLE xcap")
    assert legacy.xcap_client.query_update() is None
    assert "no such table" in caplog.text


def test_the_server_starts_the_update_and_a_stop_ends_it(
    legacy: LegacyServer, far: XcapServer, table: XcapStore, tmp_path: Path
) -> None:
    table.save(row(far, '"old"'))
    far.store(PATH, RULES)
    api = loaded(legacy, tmp_path, periodical_query=1, query_period=1)
    told = threading.Event()
    api.register_xcb(PRES_RULES, lambda *_: told.set())
    legacy.start()
    try:
        assert told.wait(30)
    finally:
        legacy.xcap_client.stop()
    assert legacy.xcap_client.updates is None


def test_a_period_of_0_is_no_update(
    legacy: LegacyServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loaded(legacy, tmp_path, periodical_query=1, query_period=0)
    legacy.start()
    assert legacy.xcap_client.updates is None
    assert "no periodic update" in caplog.text


# ---- the command


def test_a_refresh_tells_of_the_document_and_leaves_the_table(
    api: XcapApi, legacy: LegacyServer, far: XcapServer, table: XcapStore
) -> None:
    heard: list[tuple[int, str, bytes]] = []
    api.register_xcb(PRES_RULES, lambda *news: heard.append(news))
    far.store(PATH, RULES)
    answer = legacy.rpc("xcap_client.refreshXcapDoc", [f"{far.root}/{PATH}"])
    assert answer == {"result": {}}
    request = rules(far)
    answer = legacy.rpc("refreshXcapDoc", [f"{request.xcap_root}/{PATH}", str(request.port)])
    assert answer == {"result": {}}
    assert refreshXcapDoc(f"{request.xcap_root}/{PATH}", request.port) == {"result": {}}
    assert heard == [(PRES_RULES, "sip:alice@a.example", RULES)] * 3
    assert table.rows() == []


def test_services_are_told_to_those_who_registered_for_lists_too(
    api: XcapApi, legacy: LegacyServer, far: XcapServer
) -> None:
    heard: list[tuple[str, int]] = []
    api.register_xcb(RESOURCE_LIST, lambda kind, *_: heard.append(("lists", kind)))
    api.register_xcb(RLS_SERVICE, lambda kind, *_: heard.append(("services", kind)))
    api.register_xcb(PRES_RULES, lambda kind, *_: heard.append(("rules", kind)))
    far.store("rls-services/users/sip:alice@a.example/index", b"<rls-services/>")
    legacy.rpc("refreshXcapDoc", [f"{far.root}/rls-services/users/sip:alice@a.example/index"])
    assert heard == [("services", RLS_SERVICE), ("lists", RLS_SERVICE)]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing/users/sip:a@b/index", "Failed http get"),
        ("mine/users/sip:a@b/index", "Invalid auid"),
        ("mine/index", "Failed parsing url"),
        ("pres-rules/users", "Failed parsing url"),
    ],
)
def test_a_refresh_that_fails_says_why(
    api: XcapApi, legacy: LegacyServer, far: XcapServer, path: str, message: str
) -> None:
    if not path.startswith("missing"):
        far.store(path, RULES)
    answer = legacy.rpc("refreshXcapDoc", [f"{far.root}/{path}"])
    assert answer == {"error": {"code": 500, "message": message}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Not enough parameters"),
        ([5], "Not enough parameters"),
        ([""], "Failed http get"),
        (["ftp://h/pres-rules/users/a/b"], "Failed http get"),
        (["http://127.0.0.1:1/pres-rules/users/a/b", "x"], "Invalid port"),
        (["http://127.0.0.1:1/pres-rules/users/a/b", 65536], "Invalid port"),
        (["http://127.0.0.1/pres-rules/users/a/b", 1], "Failed http get"),
    ],
)
def test_a_refresh_of_nothing_says_why(
    api: XcapApi, legacy: LegacyServer, arguments: list[object], message: str
) -> None:
    assert legacy.rpc("refreshXcapDoc", arguments) == {"error": {"code": 500, "message": message}}


def test_the_command_line_refreshes_a_document(far: XcapServer, tmp_path: Path) -> None:
    far.store(PATH, RULES)
    request = rules(far)
    command = [sys.executable, "-m", "onehttp", "rpc", "refreshXcapDoc"]
    for arguments, code in ((["pres"], 1), ([f"{request.xcap_root}/{PATH}", str(request.port)], 0)):
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == code, done.stderr
        assert ("result" in done.stdout) == (code == 0)
    assert far.seen() == [f"GET {PATH}"]
    assert list(tmp_path.iterdir()) == []


# ---- as it was


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


# ---- start


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
