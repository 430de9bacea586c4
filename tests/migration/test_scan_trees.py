"""A scan finds the same in Python's own tree as in LibCST's, which knows scopes independently."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onehttp_compat.migration import python_sites
from onehttp_compat.migration.python_sites import scan_python, scan_tree
from onehttp_compat.migration.sources import SourceText
from onehttp_compat.migration.trees.libcst_tree import ConcreteTree

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.py"))
CALL = 'query("http://h/" + x, "$var(x)")'
NAMES = st.sampled_from(["KSR", "q", "client", "requests", "self", "x", "onehttp"])
VALUES = st.sampled_from([
    "KSR", "KSR.http_client", "KSR.http_client.query", "client.query", "q", "x", "self.x",
    'getattr(KSR, "http_client")', "requests.get", "None", "(lambda KSR, q=q: q)",
    "[q for q in KSR if q]", "{x: q for x in q for q in x}", 'f"{q}{KSR.pv.get(x)!r:>{x}}"',
    "(q := KSR.http_client.query)", '"é" + q', "onehttp.request",
])  # fmt: skip
CALLS = st.sampled_from([
    f"KSR.http_client.{CALL}", f"client.{CALL}", f"q{CALL.removeprefix('query')}",
    f"é = [KSR.http_client.{CALL} for q in x]", f"(KSR.http_client).{CALL}",
    f"((KSR.http_client.{CALL}))", "KSR.http_client.query(\n    'é',\n    ('$var' '(x)'))",
    f"x = lambda client: client.{CALL}", "requests.get(x)", "requests.Session().get(x)",
    'msg.call_function("http_query", x, "$var(x)")', "msg.call_function(q, *x, y=1)",
    f"onehttp.request('GET', x, y=KSR.http_client.{CALL})", "KSR.http_client.query(*x)",
    "http_query('http://h/', '$var(x)')", f"self.x.{CALL}",
])  # fmt: skip
SIMPLE = st.one_of(
    CALLS,
    st.builds("{} = {}".format, NAMES, VALUES),
    st.builds("{}, x = {}, 1".format, NAMES, VALUES),
    st.builds("{}: object = {}".format, NAMES, VALUES),
    st.builds("self.{} = {}".format, NAMES, VALUES),
    st.builds("{} += {}".format, NAMES, VALUES),
    st.builds("import {}".format, NAMES),
    st.builds("import KSR as {}".format, NAMES),
    st.builds("import onehttp_compat.ksr as {}, requests".format, NAMES),
    st.builds("from onehttp_compat.utils import http_query as {}".format, NAMES),
    st.builds("from ..{} import q, client as x".format, NAMES),
    st.just("from onehttp_compat.utils import *"),
    st.sampled_from(["return", "raise x", "break", "pass", "del q", "import onehttp_compat.ksr"]),
)
HEADS = st.one_of(
    st.sampled_from([
        "if False:", "while 0:", "if x:", "for q in x:", "for client.x in KSR:", "class A(q):",
        "class q(KSR.http_client.query('a', 'b'), metaclass=x):", "try:", "with x as q:",
        "async def q(x=KSR):", "@KSR.http_client.query\ndef ksr_request_route(self, msg: x):",
        "def f(q, /, *x, KSR, client=KSR.http_client, **requests) -> q.x:",
    ]),
    st.builds("def {}(self, {}):".format, NAMES, NAMES),
    st.builds("def f():\n    global {}\n    if x:".format, NAMES),
    st.just("def f():\n    q = x\n    def g():\n        nonlocal q\n        if x:"),
)  # fmt: skip


@st.composite
def blocks(draw: st.DrawFn, depth: int = 0) -> str:
    """Statements, some with others below them."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        if depth < 3 and draw(st.booleans()):
            head = draw(HEADS)
            last = head.rpartition("\n")[2]
            indent = " " * (len(last) - len(last.lstrip()) + 4)
            below = draw(blocks(depth + 1))
            lines += [head, *(indent + line for line in below.splitlines())]
            if head == "try:":
                lines += [f"except x as {draw(NAMES)}:", f"    {draw(SIMPLE)}"]
        else:
            lines += draw(SIMPLE).split("\n")
    return "\n".join(lines)


def same(text: str) -> None:
    source = SourceText("script.py", text)
    assert scan_python(source) == scan_tree(source, ConcreteTree(text)), text


@given(blocks())
@example("from ..KSR import q, client as x")
@example("from x.KSR.q import x")
@example("from . import KSR")
@example(f"import KSR\nKSR = None\nKSR.http_client.{CALL}")
@example(f"q = None\nq = KSR.http_client.query\nTrue.x, q{CALL.removeprefix('query')}")
@example(
    "def f(q, KSR) -> q.x:\n    def g():\n        global q\n        q = KSR.http_client.query\n"
    f"    KSR.http_client.{CALL}"
)
def test_whatever_a_script_says_both_trees_tell_the_same(text: str) -> None:
    same(text)


NAMED = """
try: pass
except x as KSR: pass
match x:
    case {"a": 1, **KSR}: pass
match x:
    case [*KSR]: pass
match x:
    case KSR: pass
match x:
    case y as KSR: pass
match x:
    case A(KSR=1): pass
from a.KSR.b import c
def f():
    global KSR
"""


@pytest.mark.parametrize("at", range(1, NAMED.count("KSR") + 1))
def test_both_trees_find_a_name_at_any_place(at: int) -> None:
    parts = NAMED.split("KSR")
    same("q".join(parts[:at]) + "KSR" + "q".join(parts[at:]))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_both_trees_give_the_same_sites_for_real_scripts(path: Path) -> None:
    same(path.read_text())


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_both_trees_give_the_same_sites_for_any_line_ends(end: str) -> None:
    same(f"# é\f\nif x:\n\tKSR.http_client.{CALL}\n\tmsg.call_function(\n  'http_query')\n".replace(
        "\n", end
    ))  # fmt: skip


IN_TEXTS = """
f"é {KSR.http_client.query('http://h/', '$var(x)')} {x:{requests.get(x)}}"
x = (f'{y}' f'''
  { KSR.http_client.query("http://h/", "$var(x)") }''')
"""


def test_calls_in_f_strings_are_found_where_they_stand() -> None:
    sites = scan_python(SourceText("script.py", IN_TEXTS)).sites
    assert [(site.line, site.column) for site in sites] == [(2, 6), (2, 57), (4, 5)]
    same(IN_TEXTS)


def test_a_script_is_read_without_libcst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_sites, "concrete", lambda source: pytest.fail("LibCST was asked"))
    for path in CORPUS:
        assert scan_python(SourceText("script.py", path.read_text())).sites


def test_a_script_may_be_nested_deeper_than_functions_may_call() -> None:
    text = "x = " + "1 + " * (sys.getrecursionlimit() + 200) + f"KSR.http_client.{CALL}\n"
    (site,) = scan_python(SourceText("script.py", text)).sites
    assert site.name == "KSR.http_client.query"
