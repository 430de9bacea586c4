"""LegacyCallWarning: once for each place in a script, with the call that replaces it."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import onehttp
import onehttp_compat.http_client
from onehttp_compat.calls.warning import LegacyCallError
from onehttp_compat.http_client import http_client_query
from onehttp_compat.http_client import http_client_query as ask
from onehttp_compat.ksr import Ksr
from onehttp_compat.registry import FUNCTIONS
from onehttp_compat.replacements import call_site
from onehttp_compat.server import LegacyServer
from servers.raw import RawServer


def caught(work: object) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        work()  # type: ignore[operator]
    return [one for one in found if one.category is onehttp.LegacyCallWarning]


def test_a_place_is_warned_of_once(legacy: LegacyServer, web: RawServer) -> None:
    def script() -> None:
        for _ in range(3):
            legacy.call("http_query", (web.url, "$var(x)"))

    (warning,) = caught(script)
    assert warning.filename == __file__
    assert "http_query() is a legacy call; use onehttp.request(" in str(warning.message)
    assert "docs/migration/utils.md" in str(warning.message)


def test_two_places_are_two_warnings(legacy: LegacyServer, web: RawServer) -> None:
    def script() -> None:
        client = Ksr(legacy).http_client
        client.query(web.url, "$var(x)"), client.query(web.url, "$var(x)")
        client.query(web.url, "$var(x)")

    found = caught(script)
    assert len(found) == 3
    assert "KSR.http_client.query()" in str(found[0].message)


def by_its_name(url: str) -> None:
    http_client_query(url + "/a", "$var(x)")


def by_its_module(url: str) -> None:
    onehttp_compat.http_client.http_client_query(url + "/a", "$var(x)")


def by_another_name(url: str) -> None:
    ask(url + "/a", "$var(x)")


def by_a_local_name(url: str) -> None:
    other = http_client_query
    print(len(url), other(url + "/a", "$var(x)"))


def with_a_star(url: str) -> None:
    http_client_query(*(url + "/a", "$var(x)"))


def by_its_module_s_call(url: str) -> None:
    onehttp_compat.http_client.call("http_client_query", url + "/a", "$var(x)")


def as_msg_does(url: str) -> None:
    onehttp_compat.call_function("http_client_query", url + "/a", "$var(x)")


WAYS = (by_its_name, by_its_module, by_another_name, by_a_local_name, with_a_star,
        by_its_module_s_call, as_msg_does)  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_warning_has_the_arguments_whatever_the_way_in(
    legacy: LegacyServer, web: RawServer, way: Callable[[str], None]
) -> None:
    (warning,) = caught(lambda: way(web.url))
    assert 'response = onehttp.request("GET", url + "/a")\n' in str(warning.message)


@pytest.mark.parametrize(
    ("level", "options", "shown"),
    [("", (), 0), ("warn", (), 1), ("allow,utils=warn", (), 1), ("warn", ("-W", "ignore"), 0)],
)
def test_who_asks_for_warnings_sees_those_of_every_module(
    tmp_path: Path, level: str, options: tuple[str, ...], shown: int
) -> None:
    (tmp_path / "script.py").write_text(
        "from onehttp_compat.utils import http_query\n\n\ndef route():\n"
        "    for _ in range(2):\n        http_query('no URL', '$var(x)')\n"
    )
    environment = {**os.environ, "ONEHTTP_LEGACY": level}
    environment.pop("PYTHONWARNINGS", None)
    done = subprocess.run(
        [sys.executable, *options, "-c", "import script; script.route()"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr.count("LegacyCallWarning") == shown


def test_a_module_can_be_quiet_or_strict(legacy: LegacyServer, web: RawServer) -> None:
    legacy.warnings.levels.modules |= {"utils": "allow", "curl": "error"}
    assert caught(lambda: legacy.call("http_query", (web.url, "$var(x)"))) == []
    for _ in range(2):
        with pytest.raises(LegacyCallError, match="curl_http_query"):
            legacy.call("curl_http_query", (web.url, "$var(x)"))
    assert len(web.requests) == 1


def test_calls_are_counted_by_place(legacy: LegacyServer, web: RawServer) -> None:
    def script() -> None:
        client = Ksr(legacy).http_client
        for _ in range(3):
            client.query(web.url, "$var(x)")
            legacy.call("http_query", (web.url, "$var(x)"))

    caught(script)
    counted = {(site.module, site.function, site.path): site.calls
               for site in legacy.warnings.seen.values()}  # fmt: skip
    assert counted == {
        ("http_client", "KSR.http_client.query", __file__): 3,
        ("utils", "http_query", __file__): 3,
    }


def test_every_function_names_its_replacement_and_page() -> None:
    for function in FUNCTIONS:
        assert function.replacement, function.name
        assert function.page == f"docs/migration/{function.module}.md"


def test_a_source_that_cannot_be_parsed_now_is_read_at_the_next_call(
    legacy: LegacyServer, web: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, parse = web.url, ast.parse

    def fails_once(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(ast, "parse", parse)
        raise SystemError("AST constructor recursion depth mismatch (before=45, after=38)")

    ksr = Ksr(legacy)

    def script() -> None:
        ksr.http_client.query(address, "$var(x)")
        ksr.http_client.query(address, "$var(x)")

    monkeypatch.setattr(call_site, "_parsed", inspect.unwrap(call_site._parsed))
    monkeypatch.setattr(ast, "parse", fails_once)
    first, second = caught(script)
    assert ast.parse is parse
    assert '"GET", url' in str(first.message)  # of any such call
    assert '"GET", address' in str(second.message)
