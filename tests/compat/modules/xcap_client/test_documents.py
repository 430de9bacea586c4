"""``xcap_client``: documents come back and rows are kept, callbacks hear of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from onehttp.xcap import XcapStore
from onehttp_compat.server import LegacyServer
from onehttp_compat.xcap_client import (
    GLOBAL_TYPE,
    IF_MATCH,
    IF_NONE_MATCH,
    PRES_RULES,
    RESOURCE_LIST,
    Element,
    XcapApi,
)
from servers.databases.sqlite import opened
from servers.xcap import Answer, XcapServer
from stand_ins.legacy.xcap_calls import PATH, RULES, row, rules

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")


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
    with opened(tmp_path / "xcap.sqlite") as database:
        database.execute("UPDATE xcap SET source = 0")
    assert api.getNewDoc(rules(far), "alice", "a.example") == RULES
    assert "not stored" in caplog.text
    assert [one.doc for one in table.rows()] == [b"<old/>"]


def test_the_document_comes_back_though_the_database_is_gone(
    api: XcapApi, legacy: LegacyServer, far: XcapServer, tmp_path: Path
) -> None:
    far.store(PATH, RULES)
    legacy.start()
    with opened(tmp_path / "xcap.sqlite") as database:
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
