"""What servers say besides the document: conflicts, no etags, other namespaces, fragments."""

from __future__ import annotations

import asyncio
import pickle

import pytest

from onehttp.xcap import (
    ConflictError,
    DocumentChange,
    DocumentSelector,
    NodeSelector,
    NotFoundError,
    SelectorError,
    StatusError,
    WrongNamespaceError,
    XcapClient,
    XmlError,
)
from servers.xcap import Answer, XcapServer

RULES = DocumentSelector("pres-rules", "sip:alice@a.example")
COMMON = "urn:ietf:params:xml:ns:common-policy"
OWN = "urn:ietf:params:xml:ns:pres-rules"
RULESET = f'<ruleset xmlns="{COMMON}"/>'.encode()
NEWER = f'<ruleset xmlns="{COMMON}"><rule id="a"/></ruleset>'.encode()
ACTION = (
    NodeSelector()
    .step("ruleset", namespace=COMMON)
    .step("rule", namespace=COMMON, position=1)
    .step("sub-handling")
)
ACTION_PATH = f"{RULES.path}/~~/{ACTION.path.partition('?')[0]}"
ALLOWED = f'<sub-handling xmlns="{OWN}">allow</sub-handling>'
ERROR = '<xcap-error xmlns="urn:ietf:params:xml:ns:xcap-error">{}</xcap-error>'


def stored(client: XcapClient) -> list[tuple[bytes, str]]:
    assert client.store is not None
    return [(one.doc, one.etag) for one in client.store.rows()]


@pytest.mark.parametrize(
    ("inside", "condition"),
    [
        ("<!-- why --><no-parent/>", "no-parent"),
        ("<?why?><no-parent/><?why?>", "no-parent"),
        (" \n<!-- a --> <?b?> <cannot-delete phrase='x'/>", "cannot-delete"),
        ("<!-- why -->", None),
        ("", None),
        ("text", None),
    ],
)
def test_a_conflict_is_named_whatever_stands_before_its_name(
    client: XcapClient, server: XcapServer, inside: str, condition: str | None
) -> None:
    server.faults[RULES.path] = Answer(409, ERROR.format(inside).encode())
    with pytest.raises(ConflictError) as caught:
        client.put(RULES, RULESET)
    assert caught.value.condition == condition


@pytest.mark.parametrize(
    "body", [b"<html><body>no</body></html>", b"<xcap-error", b'{"a": 1}', b"", b"\xff\xfe<\0"]
)
def test_a_conflict_that_comes_with_another_document_has_no_condition(
    client: XcapClient, server: XcapServer, body: bytes
) -> None:
    server.faults[RULES.path] = Answer(409, body)
    with pytest.raises(ConflictError) as caught:
        client.put(RULES, RULESET)
    assert (caught.value.condition, caught.value.phrase) == (None, None)


def test_what_the_server_would_take_instead_is_kept(client: XcapClient, server: XcapServer) -> None:
    said = ERROR.format(
        '<uniqueness-failure phrase="taken"><exists field="rls-services/service/@uri">'
        "<alt-value>sip:a<!-- or -->1@x</alt-value><!-- and --><alt-value>sip:a2@x</alt-value>"
        "</exists></uniqueness-failure>"
    )
    server.faults[RULES.path] = Answer(409, said.encode())
    with pytest.raises(
        ConflictError, match=r"uniqueness-failure: taken: instead: sip:a1"
    ) as caught:
        client.put(RULES, RULESET)
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.taken == (("rls-services/service/@uri", ("sip:a1@x", "sip:a2@x")),)
    assert error.alternatives == ("sip:a1@x", "sip:a2@x")
    assert error.phrase == "taken"


def test_the_ancestor_that_is_there_is_kept(client: XcapClient, server: XcapServer) -> None:
    said = ERROR.format("<no-parent><ancestor>http://x/a</ancestor></no-parent>")
    server.faults[RULES.path] = Answer(409, said.encode())
    with pytest.raises(ConflictError) as caught:
        client.put(RULES, RULESET)
    assert caught.value.ancestor == "http://x/a"


@pytest.mark.parametrize("call", ["get", "put", "aput"])
def test_an_answer_without_an_etag_does_not_leave_the_old_document(
    client: XcapClient, server: XcapServer, call: str
) -> None:
    server.store(RULES.path, RULESET)
    client.get(RULES)
    server.faults[RULES.path] = Answer(200, NEWER)
    if call == "get":
        document = client.get(RULES)
    elif call == "put":
        document = client.put(RULES, NEWER)
    else:
        document = asyncio.run(client.aput(RULES, NEWER))
    assert (document.body, document.etag, document.is_stored) == (NEWER, None, False)
    assert stored(client) == [(NEWER, "")]
    del server.faults[RULES.path]
    assert client.get(RULES).body == RULESET
    assert "if-none-match" not in server.requests[-1].headers


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("call", ["get", "aget", "delete", "adelete"])
def test_what_the_server_has_no_more_is_stored_no_more(
    client: XcapClient, server: XcapServer, call: str, status: int
) -> None:
    server.store(RULES.path, RULESET)
    client.get(RULES)
    heard: list[DocumentChange] = []
    client.on_change(heard.append)
    server.faults[RULES.path] = Answer(status)
    work = getattr(client, call)
    with pytest.raises(NotFoundError):
        asyncio.run(work(RULES)) if call.startswith("a") else work(RULES)
    assert stored(client) == []
    assert [one.is_removed for one in heard] == [True]


def test_what_is_only_accepted_is_not_stored_as_done(
    client: XcapClient, server: XcapServer
) -> None:
    etag = server.store(RULES.path, RULESET)
    assert client.get(RULES).is_done
    server.faults[RULES.path] = Answer(202, NEWER, [("ETag", '"later"')])
    document = client.put(RULES, NEWER)
    assert (document.is_done, document.is_stored, document.etag) == (False, False, None)
    client.delete(RULES)
    with pytest.raises(StatusError, match="202 Answer: that is no document"):
        client.get(RULES)
    assert stored(client) == [(RULESET, etag)]
    server.faults[ACTION_PATH] = Answer(202, b"", [("ETag", '"later"')])
    assert client.put_element(RULES, ACTION, "<sub-handling/>") is None


@pytest.mark.parametrize("status", [204, 205, 206])
def test_a_part_of_a_document_or_none_is_not_stored_for_it(
    client: XcapClient, server: XcapServer, status: int
) -> None:
    etag = server.store(RULES.path, RULESET)
    client.get(RULES)
    server.faults[RULES.path] = Answer(status, b"" if status != 206 else NEWER)
    with pytest.raises(StatusError, match="no document"):
        client.get(RULES)
    assert stored(client) == [(RULESET, etag)]


@pytest.mark.parametrize(
    ("xui", "filename"),
    [
        ("~~", "index"),
        ("sip:a@x", "~~"),
        ("sip:a@x", "index/~~/resource-lists"),
        ("~~bob", "index"),
        (None, "~~/x"),
        ("a/~~/b", "index"),
        ("/~~bob", "index"),
    ],
)
def test_no_part_of_a_document_reads_as_the_beginning_of_a_node(
    client: XcapClient, server: XcapServer, xui: str | None, filename: str
) -> None:
    with pytest.raises(SelectorError, match="begins a node selector"):
        client.get(DocumentSelector("resource-lists", xui, filename))
    with pytest.raises(SelectorError):
        client.get(DocumentSelector("~~"))
    assert server.requests == []
    assert DocumentSelector("a", "b~~", "c~").path == "a/users/b~~/c~"


def test_utf_16_is_let_neither_in_nor_out(client: XcapClient, server: XcapServer) -> None:
    wide = RULESET.decode().encode("utf-16")
    for call in (
        lambda: client.put(RULES, wide),
        lambda: client.put_element(RULES, ACTION, wide),
        lambda: client.put_element(RULES, ACTION.attribute("id"), "x".encode("utf-16")),
    ):
        with pytest.raises(XmlError, match="not UTF-8"):
            call()
    assert server.requests == []
    server.faults[RULES.path] = server.faults[ACTION_PATH] = Answer(200, wide, [("ETag", '"1"')])
    for fetch in (lambda: client.get(RULES), lambda: client.get_element(RULES, ACTION)):
        with pytest.raises(XmlError, match="not UTF-8"):
            fetch()
    assert stored(client) == []


def test_names_without_a_prefix_are_of_the_namespace_that_the_rfc_says(
    client: XcapClient, server: XcapServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults[ACTION_PATH] = Answer(
        200, f'<sub-handling xmlns="{OWN}">allow</sub-handling>'.encode()
    )
    assert client.get_element(RULES, ACTION).root.text == "allow"
    assert caplog.text == ""


def test_the_namespace_that_other_servers_take_is_accepted_and_said(
    client: XcapClient, server: XcapServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults[ACTION_PATH] = Answer(200, f'<sub-handling xmlns="{COMMON}"/>'.encode())
    assert client.get_element(RULES, ACTION).root.tag == f"{{{COMMON}}}sub-handling"
    assert f"takes {{{COMMON}}} for {{{OWN}}}" in caplog.text
    caplog.clear()
    server.store(RULES.path, f'<ruleset xmlns="{OWN}"/>'.encode())
    assert client.get(RULES).is_stored
    assert f"{OWN!r}, not {COMMON!r}" in caplog.text
    server.faults[ACTION_PATH] = Answer(200, b'<sub-handling xmlns="urn:other"/>')
    with pytest.raises(WrongNamespaceError):
        client.get_element(RULES, ACTION).root


@pytest.mark.parametrize(
    "xml",
    [
        "<pr:sub-handling>allow</pr:sub-handling>",
        "<?xml version='1.0'?>\n<!-- a --><pr:sub-handling>allow</pr:sub-handling>\n",
        "\ufeff<pr:sub-handling x:y='1'>allow<z:z/></pr:sub-handling>",
        f"<pr:sub-handling xmlns:pr='{OWN}'>allow<q:r s:t=''/></pr:sub-handling>",
    ],
)
def test_a_fragment_whose_prefixes_only_its_ancestors_declare_is_parsed(
    client: XcapClient, server: XcapServer, xml: str
) -> None:
    server.faults[ACTION_PATH] = Answer(200, xml.encode())
    root = client.get_element(RULES, ACTION).root
    assert (root.tag, root.text, root.getparent()) == (f"{{{OWN}}}sub-handling", "allow", None)


def test_the_namespaces_of_the_ancestors_can_be_told(
    client: XcapClient, server: XcapServer
) -> None:
    server.faults[ACTION_PATH] = Answer(200, b"<a:sub-handling><b:c/><d:e/></a:sub-handling>")
    node = client.get_element(RULES, ACTION)
    root = node.within({"a": OWN, "b": "urn:b&c"})
    assert [child.tag for child in root] == ["{urn:b&c}c", "{undeclared:d}e"]
    with pytest.raises(WrongNamespaceError):
        node.within({"a": "urn:other"})


@pytest.mark.parametrize(
    "xml",
    ["<a:b/><a:b/>", "<a:b/>text", "<a:b></fragment><fragment>", "<a:b", "x", "<a:b>&c;</a:b>"],
)
def test_what_is_not_one_element_is_no_fragment(
    client: XcapClient, server: XcapServer, xml: str
) -> None:
    server.faults[ACTION_PATH] = Answer(200, xml.encode())
    with pytest.raises(XmlError):
        client.get_element(RULES, ACTION).root


def test_attributes_of_xml_itself_can_be_selected(client: XcapClient, server: XcapServer) -> None:
    document = DocumentSelector("resource-lists", "sip:alice@a.example")
    server.store(
        document.path,
        b'<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">'
        b'<list xml:lang="en"/><list xml:lang="de" name="b"/></resource-lists>',
    )
    german = NodeSelector().step("resource-lists").step("list", attribute=("xml:lang", "de"))
    assert client.get_element(document, german).root.get("name") == "b"
    assert client.get_element(document, german.attribute("xml:lang")).text == "de"
    for name in ("xmlns:a", "b:c", "xml:", ":lang", "xml:a:b"):
        with pytest.raises(SelectorError):
            german.attribute(name)
