"""Pseudo-variables: notation, lifetime, what expansion does, and KSR.pv."""

from __future__ import annotations

import pytest

from onehttp_compat.ksr import KemiPv
from onehttp_compat.pv import (
    PvStore,
    ReadOnlyVariableError,
    UnknownVariableError,
    Value,
    Variable,
    as_bytes,
    as_text,
    parse,
)


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        ("$var(x)", Variable("var", "x")),
        ("$avp(s:x)", Variable("avp", "x")),
        ("$avp(x)", Variable("avp", "x")),
        ("$rU", Variable("rU", "")),
        ("$(rU)", Variable("rU", "")),
        ("$(var(x))", Variable("var", "x")),
        ("$sht(a=>b)", Variable("sht", "a=>b")),
        ("$sht(a=>$var(b))", Variable("sht", "a=>$var(b)")),
        ("$hdr(X-A)", Variable("hdr", "X-A")),
        ("$(var(x){s.len})", Variable("var", "x")),  # written as a whole
    ],
)
def test_every_notation_of_a_variable_is_parsed(text: str, variable: Variable) -> None:
    assert parse(text) == variable


@pytest.mark.parametrize("text", ["", "x", "$", "$1", "$var(x", "$(rU", "$(rU{s.no})", "$(rU[x])"])
def test_what_is_no_variable(text: str) -> None:
    with pytest.raises(UnknownVariableError):
        parse(text)


def test_a_var_lives_on_and_everything_else_dies_with_the_message() -> None:
    store = PvStore()
    store.set("$var(x)", "kept")
    store.set("$avp(x)", "gone")
    store.new_message({"$rU": "alice"})
    assert store.get("$var(x)") == "kept"
    assert store.get("$avp(x)") is None
    assert store.get("$rU") == "alice"
    assert store.get("$var(never)") == 0


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("http://h/$rU?x=$var(n)", "http://h/alice?x=5"),
        ("$$1", "$1"),
        ("$avp(none)!", "<null>!"),
        ("$(rU)s", "alices"),
        ("$var(raw)", "\udcff"),
    ],
)
def test_texts_are_expanded(text: str, expanded: str) -> None:
    store = PvStore()
    store.new_message({"$rU": "alice"})
    store.set("$var(n)", 5)
    store.set("$var(raw)", b"\xff")
    assert store.expand(text) == expanded


@pytest.mark.parametrize("text", ["a $ b", "$", "$nosuch(x)", "$var(x"])
def test_expansion_of_what_is_none(text: str) -> None:
    with pytest.raises(UnknownVariableError):
        PvStore().expand(text)


@pytest.mark.parametrize("value", [b"\xff\x00g", "grün".encode(), b""])
def test_bytes_survive_being_text(value: bytes) -> None:
    assert as_bytes(as_text(value)) == value


def test_read_only_and_unknown_variables_cannot_be_set() -> None:
    store = PvStore()
    with pytest.raises(ReadOnlyVariableError, match=r"\$rU cannot be written"):
        store.set("$rU", "x")
    with pytest.raises(UnknownVariableError, match=r"class \$nosuch"):
        store.set("$nosuch(x)", "x")


def test_ksr_pv_answers_as_the_real_one() -> None:
    pv = KemiPv(PvStore())
    assert pv.sets("$var(x)", "text")
    assert pv.seti("$avp(n)", 3)
    assert (pv.get("$var(x)"), pv.get("$avp(n)")) == ("text", 3)
    assert (pv.getw("$avp(no)"), pv.gete("$avp(no)")) == ("<null>", "")
    assert (pv.getvs("$avp(no)", "d"), pv.getvn("$avp(no)", 9)) == ("d", 9)
    assert (pv.is_null("$avp(no)"), pv.is_null("$avp(n)")) == (True, False)
    assert pv.unset("$avp(n)")
    assert pv.get("$avp(n)") is None
    assert pv.sets("$rU", "ignored")
    assert not pv.sets("$nosuch(x)", "x")
    assert pv.get("$nosuch(x)") is None
    with pytest.raises(TypeError):
        pv.sets("$var(x)", 5)  # type: ignore[arg-type]


def test_bytes_that_are_no_text_raise_as_in_the_server() -> None:
    store = PvStore()
    value: Value = b"\xff"
    store.set("$var(x)", value)
    with pytest.raises(UnicodeDecodeError):
        KemiPv(store).get("$var(x)")
