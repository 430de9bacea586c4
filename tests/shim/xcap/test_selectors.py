"""Selectors as URLs: the grammar of RFC 4825, and what must not get through it."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp.xcap import DocType, DocumentSelector, NodeSelector, SelectorError

LISTS = "urn:ietf:params:xml:ns:resource-lists"


@pytest.mark.parametrize(
    ("selector", "path"),
    [
        (DocumentSelector("pres-rules", "sip:a@b.c"), "pres-rules/users/sip:a@b.c/index"),
        (DocumentSelector("xcap-caps"), "xcap-caps/global/index"),
        (DocumentSelector("a", "u", "x/y.xml"), "a/users/u/x/y.xml"),
        (DocumentSelector("a", "sip:a/b?c#d@e"), "a/users/sip:a%2Fb%3Fc%23d@e/index"),
        (DocumentSelector("a", "ü %2e"), "a/users/%C3%BC%20%252e/index"),
    ],
)
def test_a_document_selector_is_a_path_and_the_reverse(
    selector: DocumentSelector, path: str
) -> None:
    assert selector.path == path
    assert DocumentSelector.from_path("/" + path) == selector


@pytest.mark.parametrize(
    "selector",
    [
        DocumentSelector("a", ".."),
        DocumentSelector("..", "u"),
        DocumentSelector("a", "u", "../../b/users/v/index"),
        DocumentSelector("a", "u", ""),
        DocumentSelector("a", "u", "x//y"),
        DocumentSelector("a", "u\r\nX: 1"),
        DocumentSelector("a", "u\0"),
        DocumentSelector("a", "\ud800"),
    ],
)
def test_a_document_selector_cannot_leave_its_place(selector: DocumentSelector) -> None:
    with pytest.raises(SelectorError):
        selector.path


@pytest.mark.parametrize("path", ["", "a", "a/users/u", "a/group/u/x", "a/global"])
def test_a_path_that_is_no_document_selector_is_refused(path: str) -> None:
    with pytest.raises(SelectorError, match="expected AUID/users"):
        DocumentSelector.from_path(path)


def test_the_steps_of_a_node_selector_are_those_of_the_rfc() -> None:
    selector = (
        NodeSelector()
        .step("resource-lists")
        .step("list", attribute=("name", "friends"))
        .step("entry", position=2, attribute=("uri", "sip:bob@example.com"))
        .step()
        .attribute("uri")
    )
    assert unquote(selector.path) == (
        'resource-lists/list[@name="friends"]/entry[2][@uri="sip:bob@example.com"]/*/@uri'
    )
    assert " " not in selector.path
    assert NodeSelector().step("a").namespaces().path == "a/namespace::*"


def test_namespaces_are_bound_once_each_in_the_query() -> None:
    selector = (
        NodeSelector()
        .step("a", namespace="urn:x")
        .step("b", namespace=LISTS)
        .step("c", namespace="urn:x")
    )
    assert selector.path == f"n0:a/n1:b/n0:c?xmlns(n0=urn:x)xmlns(n1={LISTS})"


def test_a_namespace_cannot_end_its_binding() -> None:
    selector = NodeSelector().step("a", namespace="u)xmlns(n0=v^&#?")
    assert selector.path == "n0:a?xmlns(n0=u^)xmlns^(n0=v^^&%23%3F)".replace("^", "%5E")


@pytest.mark.parametrize(
    ("value", "test"),
    [
        ('say "hi"', "[@x='say \"hi\"']"),
        ("it's", '[@x="it\'s"]'),
        ("\"'", '[@x="&quot;\'"]'),
        ("a<b&c", '[@x="a&lt;b&amp;c"]'),
        ('"]/../../../other', "[@x='\"]/../../../other']"),
    ],
)
def test_an_attribute_value_stays_one(value: str, test: str) -> None:
    path = NodeSelector().step("a", attribute=("x", value)).path
    assert unquote(path) == "a" + test
    assert "/" not in path


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a[1]", "x:y", "..", "1a", "@a", "a?b", "a\n"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(SelectorError):
        NodeSelector().step(name)
    with pytest.raises(SelectorError):
        NodeSelector().step("a").attribute(name)
    with pytest.raises(SelectorError):
        NodeSelector().step("a", attribute=(name, "v"))


def test_what_makes_no_sense_is_refused() -> None:
    for make in (
        lambda: NodeSelector().path,
        lambda: NodeSelector().step("a", position=0),
        lambda: NodeSelector().step(namespace="urn:x"),
        lambda: NodeSelector().step("a", namespace=""),
        lambda: NodeSelector().step("a", namespace="urn:\r\n"),
        lambda: NodeSelector().step("a").attribute("b").step("c"),
    ):
        with pytest.raises(SelectorError):
            make()


@given(st.text(), st.text())
def test_whatever_is_given_the_path_is_one_or_refused(user: str, value: str) -> None:
    try:
        document = DocumentSelector("a", user).path
        node = NodeSelector().step("b", attribute=("c", value)).path
    except SelectorError:
        return
    assert document.count("/") == 3
    assert not set(document + node) & set(' ?#"<>\\^`{|}[]\r\n\t')
    assert node.isascii()
    assert document.isascii()
    assert "/" not in node


def test_an_auid_tells_the_type_of_its_documents() -> None:
    assert DocumentSelector("rls-services").application.doc_type == DocType.RLS_SERVICE
    assert DocumentSelector("mine").application.doc_type == 0
