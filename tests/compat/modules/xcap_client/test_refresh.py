"""``refreshXcapDoc``: a document fetched by command, and told of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from onehttp.xcap import XcapStore
from onehttp_compat.server import LegacyServer
from onehttp_compat.xcap_client import (
    PRES_RULES,
    RESOURCE_LIST,
    RLS_SERVICE,
    XcapApi,
    refreshXcapDoc,
)
from servers.xcap import XcapServer
from stand_ins.legacy.xcap_calls import PATH, RULES, rules

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")


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
