"""What a name in a script stands for: a scan follows imports, aliases and scopes."""

from __future__ import annotations

from pathlib import Path

import pytest

from onehttp_compat.migration.scanning import scan
from onehttp_compat.migration.sites import Site

CALL = '("http://h/", "$var(x)")'
SAME_CALL = [
    f"KSR.http_client.query{CALL}",
    f"import KSR\nKSR.http_client.query{CALL}",
    f"import KSR as K\nK.http_client.query{CALL}",
    f"from onehttp_compat import ksr as K\nK.http_client.query{CALL}",
    f"import onehttp_compat.ksr as KSR\nKSR.http_client.query{CALL}",
    f"import onehttp_compat.ksr\nonehttp_compat.ksr.http_client.query{CALL}",
    f"from onehttp_compat.kamailio import setup\nKSR = setup(KSR)\nKSR.http_client.query{CALL}",
    f"from onehttp_compat.ksr import take_over as t\nK = t(KSR)\nK.http_client.query{CALL}",
    f"client = KSR.http_client\nclient.query{CALL}",
    f"q = KSR.http_client.query\nq{CALL}",
    f"def f():\n    q{CALL}\nq = KSR.http_client.query",
    f"a = KSR\nb = a\nc = b.http_client\nc.query{CALL}",
    f"q: object = KSR.http_client.query\nq{CALL}",
    f"if (q := KSR.http_client.query):\n    q{CALL}",
    f'getattr(KSR, "http_client").query{CALL}',
    f'getattr(KSR.http_client, "query"){CALL}',
    f'getattr(KSR.http_client, "query", None){CALL}',
    f"def f(msg, KSR):\n    KSR.http_client.query{CALL}",
    f"try:\n    import KSR\nexcept ImportError:\n    KSR = None\nKSR.http_client.query{CALL}",
    f"KSR = None\nimport KSR\ndef f():\n    KSR.http_client.query{CALL}",
    f'NAME = "query"\ngetattr(KSR.http_client, NAME){CALL}',
    f'A = "query"\nB = A\ndef f():\n    getattr(KSR.http_client, B){CALL}',
    f"class S:\n    def __init__(self):\n        self.c = KSR.http_client\n"
    f"    def r(self):\n        self.c.query{CALL}",
]
NATIVE_CALL = [
    'msg.call_function("http_query", "http://h/", "$var(x)")',
    'message.call_function("http_query", "http://h/", "$var(x)")',
    'import onehttp_compat\nonehttp_compat.call_function("http_query", "http://h/", "$var(x)")',
    'from onehttp_compat import call_function as f\nf("http_query", "http://h/", "$var(x)")',
    'f = msg.call_function\nf("http_query", "http://h/", "$var(x)")',
    'def route(self, msg):\n    f = msg.call_function\n    f("http_query", "http://h/", "$var(x)")',
    'NAME = "http_query"\ndef f(msg):\n    msg.call_function(NAME, "http://h/", "$var(x)")',
    f"from onehttp_compat.utils import http_query\nhttp_query{CALL}",
    f"from onehttp_compat import utils\nutils.http_query{CALL}",
    f"import onehttp_compat.utils as u\nu.http_query{CALL}",
    f"from onehttp_compat.utils import *\nhttp_query{CALL}",
    f"from onehttp_compat.utils import *\nfrom os import *\ndef f():\n    http_query{CALL}",
]
NOT_LEGACY = [
    "KSR.http_client.nothing('x')",
    "KSR.pv.get('$ru')",
    f"KSR = Fake()\nKSR.http_client.query{CALL}",
    f"def f():\n    KSR = Fake()\n    KSR.http_client.query{CALL}",
    f"q = KSR.http_client.query if x else other\nq{CALL}",
    f"q = q\nq{CALL}",
    f"a = b\nb = a\na.http_client.query{CALL}",
    'msg.call_function("append_hf", "X: 1")',
    "msg.call_function(name, 'x')",
    'name = "http_query"\nname = "append_hf"\nmsg.call_function(name, "x", "$var(x)")',
    "name = other = 3\nmsg.call_function(name, 'x')",
    "name = name\nmsg.call_function(name, 'x')",
    "f = msg.call_functions\nf('http_query', 'http://h/', '$var(x)')",
    f"http_query{CALL}",
    f"from utils import *\nhttp_query{CALL}",
    f"from onehttp_compat.utils import *\nhttp_query = other\nhttp_query{CALL}",
    f"class http_client:\n    pass\nhttp_client.query{CALL}",
]


def sites(tmp_path: Path, source: str) -> list[Site]:
    script = tmp_path / "script.py"
    script.write_text(source)
    found = scan([script])
    assert found.problems == []
    return found.sites


@pytest.mark.parametrize("source", SAME_CALL)
def test_a_call_of_kemi_is_found_by_whatever_name(tmp_path: Path, source: str) -> None:
    (site,) = sites(tmp_path, source)
    assert (site.kind, site.name) == ("call", "KSR.http_client.query")
    assert site.replacement.startswith('response = onehttp.request("GET", "http://h/")')


@pytest.mark.parametrize("source", NATIVE_CALL)
def test_a_native_call_is_found_by_whatever_name(tmp_path: Path, source: str) -> None:
    (site,) = sites(tmp_path, source)
    assert (site.kind, site.module, site.name) == ("call", "utils", "http_query")


@pytest.mark.parametrize("source", NOT_LEGACY)
def test_what_is_shadowed_reassigned_or_of_others_is_no_call(tmp_path: Path, source: str) -> None:
    assert [site for site in sites(tmp_path, source) if site.kind == "call"] == []


def test_a_function_that_is_named_and_called_by_a_variable_is_a_reference(tmp_path: Path) -> None:
    (site,) = sites(tmp_path, f'H = {{"a": KSR.http_client.query}}\nH["a"]{CALL}')
    assert (site.kind, site.line, site.column) == ("reference", 1, 11)


def test_a_name_that_is_one_of_two_is_a_reference_too(tmp_path: Path) -> None:
    (site,) = sites(tmp_path, f"q = KSR.http_client.query if x else other\nq{CALL}")
    assert site.kind == "reference"


@pytest.mark.parametrize("before", ["return", "raise ValueError", "if False:\n  ", "while 0:\n  "])
def test_code_that_is_never_reached_says_so(tmp_path: Path, before: str) -> None:
    source = f"def f():\n {before}\n KSR.http_client.query{CALL}\nKSR.http_client.query{CALL}"
    if before.endswith("  "):
        source = source.replace(f"{before}\n ", before)
    dead, alive = sites(tmp_path, source)
    assert dead.is_unreachable
    assert not alive.is_unreachable


def test_arguments_that_cannot_be_told_apart_are_told(tmp_path: Path) -> None:
    spread, few = sites(tmp_path, "KSR.http_client.query(*a)\nKSR.http_client.query('x')")
    assert spread.note == "its arguments are not written one by one"
    assert few.note == "takes 2 arguments, here are 1"


def test_other_clients_count_in_scripts_and_in_what_they_import(tmp_path: Path) -> None:
    (tmp_path / "router.py").write_text(
        "import KSR\nimport lookup\nimport httplib2\nhttplib2.Http()"
    )
    (tmp_path / "lookup.py").write_text("from urllib.request import urlopen as u\nu('x')")
    (tmp_path / "report.py").write_text("import requests\nrequests.get('x')")
    found = scan([tmp_path]).sites
    assert [(site.name, site.kind) for site in found] == [
        ("urllib.request.urlopen", "past the engine"),
        ("httplib2.Http", "past the engine"),
    ]


def test_secrets_of_a_script_are_not_shown(tmp_path: Path) -> None:
    source = 'KSR.http_client.query_post_hdrs("http://u:s3cret@h/?token=s3cret", "b", ' \
        '"Authorization: Bearer s3cret", "$var(x)")'  # fmt: skip
    (site,) = sites(tmp_path, source)
    assert "s3cret" not in site.code + site.replacement
