"""``xcap_client`` where no recording here shows it, and what notices a wrong emulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from golden.divergences.xcap import faithful, intended
from golden.replay.recordings import Case
from golden.replay.xcap import XcapReplay
from golden.server.golden_server import GoldenServer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")]
Json = Any
TAIL = "users/sip:carol@127.0.0.1/index"
USER = "sip:carol@127.0.0.1"


def a_case(step: Json, *, rows: Json = (), params: Json = (), is_started: bool = True) -> Case:
    return Case(
        id="unseen",
        corpus=Path("unseen.jsonl"),
        module="xcap_client",
        revision="5.6.3",
        interface="native",
        params=[list(one) for one in params],
        config_file=None,
        startup={"ok": is_started},
        steps=[step] if step else [],
        database=[dict(one) for one in rows],
    )


def a_get(target: str, listener: str = "HTTP") -> Json:
    host = "{" + listener + "}"
    return {
        "listener": listener, "method": "GET", "target": target, "http_version": "HTTP/1.1",
        "headers": [["Host", host], ["Accept", "*/*"]], "body": "",
    }  # fmt: skip


def a_poll(*rows: Json, wire: Json) -> Case:
    expect = {"rows": [dict(one) for one in rows], "log": ["ERROR"] if wire else []}
    step = {"call": "wait-for-poll", "args": [], "expect": expect, "wire": wire}
    return a_case(step, rows=rows)


def a_row(uri: str, **more: Json) -> Json:
    plain = {
        "username": "carol", "domain": "127.0.0.1", "doc": "<old/>", "doc_type": 8, "etag": "x-7",
        "source": 1, "doc_uri": uri, "port": "{HTTP_PORT}",
    }  # fmt: skip
    return plain | more


def a_refresh(*texts: str) -> Case:
    step = {
        "call": "xcap_client.refreshXcapDoc",
        "args": [{"kind": "str", "value": text} for text in texts],
        "rpc": True,
        "expect": {
            "rpc": {"error": {"code": 500, "message": "Failed http get"}}, "log": ["ERROR"],
            "rows": [],
        },
        "wire": [],
    }  # fmt: skip
    return a_case(step)


def a_subscription(params: Json, wire: Json, rows: Json = (), event: str = "presence") -> Case:
    expect = {"log": ["ERROR"] * len(wire), "rows": [dict(one) for one in rows]}
    subscribe = {"user": "carol", "event": event}
    step = {"call": "SUBSCRIBE", "args": [], "subscribe": subscribe, "expect": expect, "wire": wire}
    return a_case(step, params=params, rows=rows)


SERVICES = f"/xcap/etag/rls-services/{TAIL}"
RULES = f"/xcap/etag/pres-rules/{TAIL}"
NOETAG = f"/xcap/noetag/pres-rules/{TAIL}"
FOLDER = "/xcap/etag/rls-services/users/sip:watcher@127.0.0.1/"


def servers(*kinds: str) -> Json:
    return [["presence_xml", "xcap_server", f"http://127.0.0.1/xcap/{kind}:{{HTTP_PORT}}"]
            for kind in kinds]  # fmt: skip


RLS = [
    ["rls", "xcap_root", "127.0.0.1/xcap/etag:{HTTP_PORT}"],
    ["rls", "integrated_xcap_server", 0],
]
QUIET = [["presence_xml", "force_active", 1]]
OF_CAROL = a_row(f"http://127.0.0.1{RULES}", doc_type=2)

CASES = {
    "poll, another usage": a_poll(a_row(f"http://127.0.0.1{SERVICES}"), wire=[a_get(SERVICES)]),
    "poll, the server's etag": a_poll(
        a_row(f"http://127.0.0.1{SERVICES}", etag='"v1"'), wire=[a_get(SERVICES)]
    ),
    "poll, of a domain": a_poll(
        a_row(f"http://127.0.0.1{RULES}", username=""), wire=[a_get(RULES)]
    ),
    "poll, no port": a_poll(a_row(f"http://{{HTTP_B}}{RULES}", port=0),
                            wire=[a_get(RULES, "HTTP_B")]),
    "poll, an impossible port": a_poll(a_row(f"http://{{HTTP}}{RULES}", port=99999),
                                       wire=[a_get(RULES)]),
    "poll, no scheme": a_poll(a_row(f"127.0.0.1{RULES}"), wire=[a_get(RULES)]),
    "poll, one bad, one good": a_poll(
        a_row("http://127.0.0.1/xcap/error/a"), a_row(f"http://127.0.0.1{SERVICES}"),
        wire=[a_get("/xcap/error/a"), a_get(SERVICES)],
    ),
    "poll, two good out of order": a_poll(
        a_row(f"http://127.0.0.1{SERVICES}"), a_row(f"http://127.0.0.1{RULES}"),
        wire=[a_get(SERVICES), a_get(RULES)],
    ),
    "poll, the answer breaks off": a_poll(
        a_row("http://127.0.0.1/close/body"), wire=[a_get("/close/body")]
    ),
    "refresh, resource lists": a_refresh(f"http://{{HTTP}}/xcap/etag/resource-lists/{TAIL}"),
    "refresh, services": a_refresh(f"http://{{HTTP}}{SERVICES}"),
    "refresh, global": a_refresh("http://{HTTP}/xcap/etag/pres-rules/global/index"),
    "refresh, no etag": a_refresh(f"http://{{HTTP}}{NOETAG}"),
    "refresh, moved": a_refresh(f"http://{{HTTP}}/xcap/moved/pres-rules/{TAIL}"),
    "refresh, no scheme": a_refresh(f"{{HTTP}}{RULES}"),
    "refresh, another port": a_refresh(f"http://{{HTTP}}{RULES}", "{HTTP_B_PORT}"),
    "refresh, unknown usage": a_refresh(f"http://{{HTTP}}/xcap/etag/mine/{TAIL}"),
    "refresh, no tree": a_refresh("http://{HTTP}/xcap/etag/pres-rules"),
    "refresh, missing": a_refresh(f"http://{{HTTP}}/xcap/missing/pres-rules/{TAIL}"),
    "refresh, nothing": a_refresh(""),
    "subscribe, found": a_subscription(servers("etag"), [a_get(RULES)]),
    "subscribe, found at last": a_subscription(
        servers("noetag", "etag"), [a_get(NOETAG), a_get(RULES)]
    ),
    "subscribe, lists": a_subscription(RLS + QUIET, [a_get(FOLDER)]),
    "subscribe, known": a_subscription(servers("etag"), [], rows=[OF_CAROL]),
    "subscribe, not needed": a_subscription(servers("etag") + QUIET, []),
    "subscribe, another event": a_subscription(servers("etag"), [], event="dialog"),
    "start, unknown table": a_case(
        None, params=[["xcap_client", "xcap_table", "xcpa"]], is_started=False
    ),
    "start, bad period": a_case(
        None, params=[["xcap_client", "query_period", "often"]], is_started=False
    ),
    "start, port inside": a_case(
        None, params=[["presence_xml", "xcap_server", "http://h:80/root"]], is_started=False
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_faithfully_every_document_is_lost(
    golden_backend: str, name: str, golden_server: GoldenServer, tmp_path: Path
) -> None:
    replay = XcapReplay(faithful(CASES[name]), golden_server, tmp_path, "faithful")
    assert replay.differences() == []
    assert replay.told == []


@pytest.mark.parametrize("name", CASES)
def test_fixed_the_documents_come_back(
    golden_backend: str, name: str, golden_server: GoldenServer, tmp_path: Path
) -> None:
    expected = intended(CASES[name], golden_server)
    assert XcapReplay(expected, golden_server, tmp_path, "fixed").differences() == []


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("poll, another usage", ["rows", "callbacks", "requests"]),
        ("refresh, services", ["rpc", "callbacks"]),
        ("subscribe, found", ["rows", "documents"]),
    ],
)
def test_a_faithful_run_is_not_what_was_intended(
    golden_backend: str, name: str, what: list[str], golden_server: GoldenServer, tmp_path: Path
) -> None:
    expected = intended(CASES[name], golden_server)
    differences = XcapReplay(expected, golden_server, tmp_path, "faithful").differences()
    assert [one.removeprefix("step 1: ").partition(":")[0] for one in differences] == what
