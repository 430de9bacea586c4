"""An asynchronous query and what it is rewritten to: the same wire, the same in its route."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

import onehttp
from onehttp_compat.migration.rewrite.rewriting import FileRewrite, rewrite_source
from onehttp_compat.migration.sources import SourceText
from onehttp_compat.script.captures import DEFAULT_MESSAGE
from onehttp_compat.script.serving import serving
from onehttp_compat.server import LegacyServer, use_server
from servers.raw import Peer, RawServer
from stand_ins.legacy.own_headers import wire

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")
SCRIPT = '''"""Asks, and is told."""
import json
import KSR

def mod_init():
    return Routing()

class Routing:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        empty, text, ms, user = "", "some text", 60000, "alice"
        code = None
{asking}
        KSR.hdr.append("X-Code: %s" % code)
        return 1

    # the answer is there
    def answered(self, msg, event=None):
        """Told of it."""
{answering}
        KSR.tm.t_reply(480, "Told")
        return 1
'''
NEW = "KSR.tm.t_newtran()\n"
QUERY = 'KSR.http_async_client.query(URL + "/a", "answered")'
SET = 'KSR.pv.sets("$http_req({})", {})'
LATER = 'KSR.pv.seti("$http_req(timeout)", 60000)\n'
ASKING = {
    "nobody looks": QUERY,
    "its code": f"code = {QUERY}",
    "its sign": f"if {QUERY} < 0:\n    code = 'refused'",
    "its code in a test": f"if {QUERY} == 0:\n    code = 'suspended'",
    "no transaction": f"code = {QUERY}",
    "sent": 'code = KSR.http_async_client.send(URL + "/a", "answered")',
    "sent with data": 'code = KSR.http_async_client.send_xdata(URL + "/a", "answered", "x" + user)',
    "not to suspend": f'KSR.pv.seti("$http_req(suspend)", 0)\ncode = {QUERY}',
    "body": f"{SET.format('body', 'text')}\n{QUERY}",
    "no body": f"{SET.format('body', 'empty')}\n{QUERY}",
    "a literal": f"{SET.format('body', repr('a=b'))}\n{QUERY}",
    "no literal": f"{SET.format('body', repr(''))}\n{QUERY}",
    "json": f"{SET.format('body', 'json.dumps([user])')}\n"
    f"{SET.format('hdr', repr('Content-Type: application/json'))}\n{QUERY}",
    "method": f"{SET.format('method', repr('put'))}\n{SET.format('body', 'text')}\n{QUERY}",
    "a method alone": f"{SET.format('method', repr('DELETE'))}\n{QUERY}",
    "headers": f"{SET.format('hdr', repr('X-A: 1'))}\n"
    f"""{SET.format("hdr", '"X-B: %s" % user')}\n{QUERY}""",
    "a header of nothing": f"""{SET.format("hdr", '"X-B: %s" % empty')}\n{QUERY}""",
    "something in between": f"{SET.format('body', 'text')}\ntext = 'other'\n"
    f"KSR.pv.seti('$http_req(timeout)', ms)\nms = 0\n{QUERY}",
    "comments": f"# a\n{SET.format('body', 'text')}  # b\n\n# c\n{QUERY}  # d",
    "in a block": f"if user:\n    # a\n    {SET.format('body', 'text')}\n    code = {QUERY}",
    "two in a row": f"if user == 'alice':\n    {SET.format('body', 'text')}\n    {QUERY}\n"
    f"else:\n    {SET.format('body', 'user')}\n    {QUERY}",
    "in a try": f"{SET.format('body', 'text')}\ntry:\n    code = {QUERY}\nfinally:\n    pass",
    "in a with": f"import contextlib\n{SET.format('body', 'text')}\n"
    f"with contextlib.suppress(ValueError):\n    code = {QUERY}",
    "in an elif": f"{SET.format('body', 'text')}\nif user == 'bob':\n    pass\n"
    f"elif user:\n    code = {QUERY}\nelse:\n    pass",
    "nowhere": "code = KSR.http_async_client.query('http://127.0.0.1:1/', 'answered')",
    "credentials in headers": f"{SET.format('hdr', repr('Authorization: Basic YTpi'))}\n{QUERY}",
}
READ = 'KSR.hdr.append("X: %s" % KSR.pv.get("$http_{}"))'
ANSWERING = {
    "nothing": "pass",
    "ok": 'if KSR.pv.get("$http_ok") == 1:\n    KSR.hdr.append("X: fine")',
    "not ok": 'if KSR.pv.get("$http_ok") != 1 or KSR.pv.get("$http_rs") != 200:\n'
    '    KSR.hdr.append("X: bad")',
    "0": 'if KSR.pv.get("$http_ok") == 0:\n    KSR.hdr.append("X: bad")',
    "ok as it is": READ.format("ok"),
    "status": READ.format("rs"),
    "reason": READ.format("rr"),
    "body": READ.format("rb"),
    "body or nothing": 'KSR.hdr.append("X: %s" % KSR.pv.gete("$http_rb").split(","))',
    "body or null": 'KSR.hdr.append("X: %s" % KSR.pv.getw("$http_rb"))',
    "size": READ.format("bs"),
    "header": READ.format("hdr(X-Kind)") + "\n" + READ.format("hdr(Nothing)"),
    "header of two": READ.format("hdr(x-twice)"),
    "error": 'KSR.hdr.append("X: %s" % KSR.pv.gete("$http_err")[:20])',
    "data": READ.format("xdata"),
    "time": 'KSR.hdr.append("X: %s" % (KSR.pv.get("$http_time(total)") >= 0))',
    "twice": READ.format("rs") + "\n" + READ.format("rs"),
    "a call about it": 'text = KSR.pv.get("$http_rb")\ncode = KSR.http_client.query_post(\n'
    '    URL + "/b", KSR.pv.get("$http_rb"), "$var(x)")\nKSR.hdr.append("X: %s" % code)',
    "another call": 'KSR.pv.sets("$avp(s)", str(KSR.pv.get("$http_rs")))\n'
    'KSR.hdr.append("X: %s" % KSR.pv.get("$avp(s)"))',
}
CASES = [
    *((asking, "status") for asking in ASKING),
    *(("its code", answering) for answering in ANSWERING),
    ("sent with data", "data"),
    ("nowhere", "error"), ("nowhere", "status"), ("nowhere", "body or nothing"),
    ("nowhere", "body or null"), ("nowhere", "not ok"), ("nowhere", "time"), ("nowhere", "size"),
]  # fmt: skip


def answering(status: int) -> Callable[[Peer], None]:
    def answers(peer: Peer) -> None:
        while peer.request():
            body = b"" if status == 204 else b"one,two\nthree"
            length = b"" if status == 204 else b"Content-Length: %d\r\n" % len(body)
            peer.send(
                b"HTTP/1.1 %d Well\r\n%sX-Kind: k\r\nX-Twice: 1\r\nX-Twice: 2\r\n\r\n%s"
                % (status, length, body)
            )

    return answers


@pytest.fixture(params=["pycurl", "httpx"])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    onehttp.init(backend=request.param)
    yield request.param
    use_server(None)
    onehttp.shutdown()


def script_of(asking: str, answering: str) -> str:
    before = "" if asking == "no transaction" else NEW
    asked = ASKING[asking] if "ms" in ASKING[asking] else LATER + ASKING[asking]
    return SCRIPT.format(
        asking=indent(before + asked, " " * 8), answering=indent(ANSWERING[answering], " " * 8)
    )


@functools.cache
def rewritten(text: str) -> str:
    done = rewrite_source(SourceText("script.py", text))
    assert isinstance(done, FileRewrite)
    assert done.left == []
    assert done.done
    again = rewrite_source(SourceText("script.py", done.after))
    assert isinstance(again, FileRewrite)
    assert again.after == done.after
    assert "$http_" not in done.after
    return done.after


def run(path: Path, text: str, url: str) -> Any:
    """What becomes of a message."""
    path.write_text(text.replace('URL + "', f'"{url}'))
    legacy = LegacyServer()
    use_server(legacy)
    with serving(path, legacy) as server:
        outcome = server.run_one(DEFAULT_MESSAGE)
    queries = [
        (one.route, one.result.partition(" after ")[0], one.is_suspending)
        for one in outcome.queries
    ]
    told = (outcome.error, outcome.replies, sorted(outcome.headers), outcome.actions)
    return told, (outcome.suspended, outcome.resumed), queries


@pytest.mark.parametrize(("asking", "answering_"), CASES)
def test_a_rewritten_query_sends_the_same_and_its_route_sees_the_same(
    asking: str, answering_: str, tmp_path: Path, engine: str
) -> None:
    for status in (200, 404):
        _send_both(asking, answering_, status, tmp_path)


def _send_both(asking: str, answering_: str, status: int, tmp_path: Path) -> None:
    text = script_of(asking, answering_)
    with RawServer(answering(status)) as server:
        old = run(tmp_path / "script.py", text, server.url)
        sent = [wire(request) for request in server.requests]
        server.requests.clear()
        new = run(tmp_path / "script.py", rewritten(text), server.url)
        assert old[0][0] is None
        assert new == old
        assert [wire(request) for request in server.requests] == sent
        assert sent or asking == "nowhere"


NOTED = {
    "the name of its route is not a literal": (
        'KSR.http_async_client.query(URL + "/a", "answ" + "ered" * 1)', "pass"),
    "its route nowhere is not a function of this file": (
        'KSR.http_async_client.query(URL + "/a", "nowhere")', "pass"),
    "its route answered uses msg": (QUERY, "print(msg)"),
    "its route answered is named elsewhere": (
        f'KSR.tm.t_on_failure("answered")\n{QUERY}', "pass"),
    "variables of an answer are read where it cannot be seen": (
        QUERY, 'KSR.xlog.xinfo("got $http_rs")'),
    "its route reads $http_mb": (QUERY, READ.format("mb")),
    "its route reads $http_req_id": (QUERY, READ.format("req_id")),
    "depends on more than the lines before it": (
        f"if user:\n    {SET.format('body', 'text')}\n{QUERY}", "pass"),
    "its method is not a literal": (f"{SET.format('method', 'text')}\n{QUERY}", "pass"),
    "its headers are put together elsewhere": (f"{SET.format('hdr', 'text')}\n{QUERY}", "pass"),
    "a POST without a body": (f"{SET.format('method', repr('POST'))}\n{QUERY}", "pass"),
    "what $http_req is set to for it": (
        f"{SET.format('body', 'text')}\nfor one in [1, 2]:\n    {QUERY}", "pass"),
    "a timeout of 0": (f"KSR.pv.seti('$http_req(timeout)', 0)\n{QUERY}", "pass"),
    "and its value is not a literal": (f"{SET.format('tls_ca_path', 'text')}\n{QUERY}", "pass"),
    "it stands where it may be called late": (f"code = user and {QUERY}", "pass"),
    "its route is one of kamailio.cfg": (
        'msg.call_function("http_async_query", URL, "answered")', "pass"),
    "redirects keep its method": (
        f"KSR.pv.seti('$http_req(follow_redirect)', 1)\n{SET.format('method', repr('PUT'))}\n"
        f"{QUERY}", "pass"),
}  # fmt: skip


@pytest.mark.parametrize("reason", NOTED)
def test_what_belongs_together_stays_together_with_the_reason(reason: str) -> None:
    asking, answering = NOTED[reason]
    text = SCRIPT.format(asking=indent(asking, " " * 8), answering=indent(answering, " " * 8))
    done = rewrite_source(SourceText("script.py", text))
    assert isinstance(done, FileRewrite)
    assert reason in done.left[0].reason
    calls = [line for line in done.after.splitlines() if not line.lstrip().startswith("#")]
    old = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert [line for line in old if line not in calls] == []
    assert "answered(self, msg, event=None)" in done.after
    again = rewrite_source(SourceText("script.py", done.after))
    assert isinstance(again, FileRewrite)
    assert again.after == done.after


def test_two_queries_of_one_route_move_together_or_stay_together() -> None:
    late = "code = user and " + QUERY
    text = SCRIPT.format(asking=indent(f"{QUERY}\n{late}", " " * 8), answering=" " * 8 + "pass")
    done = rewrite_source(SourceText("script.py", text))
    assert isinstance(done, FileRewrite)
    assert len(done.left) == 2
    assert done.done == []
