"""A call and what it is rewritten to send the same, and leave the same behind."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import onehttp
from onehttp_compat.ksr import Ksr
from onehttp_compat.migration.rewrite.rewriting import FileRewrite, rewrite_source
from onehttp_compat.migration.sources import SourceText
from onehttp_compat.server import LegacyServer, use_server
from servers.raw import Peer, RawServer
from stand_ins.legacy.own_headers import wire
from stand_ins.legacy.script_calls import SYNCHRONOUS

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")
SCRIPT = """import KSR

# the one route
def route(msg, URL, user, empty, text):
    TEMPLATE, SUFFIX = URL + "/a?u=$rU", "/a?u=$rU"
    code = "unset"
    {statement}
    return code, KSR.pv.get("$var(value)")
"""
V = '"$var(value)"'
MORE = [
    f'if KSR.http_client.query(URL + "/a", {V}) == 200:\n        code = 1',
    f'if not(KSR.http_client.query(URL + "/missing", {V})):\n        code = 1',
    f'if KSR.http_client.query(URL + "/a", {V}) == 200 and user:\n        code = 2',
    f'if KSR.http_client.query(URL + "/a", {V}) == KSR.http_client.query(URL + "/b", {V}):\n'
    "        code = 3",
    f'code = 1 if KSR.http_client.query(URL + "/missing", {V}) == 200 else 2',
    f'code = KSR.http_client.query(URL + "/a", {V}) + 1',
    f'return KSR.http_client.query(URL + "/a", {V}), KSR.pv.get({V})',
    f'code = [KSR.http_client.query(URL + "/a", {V}), 1]',
    f'KSR.http_client.query(URL + "/a", {V})  # why',
    f'code = KSR.http_client.query_post(URL + "/a", empty, {V})',
    f'code = KSR.http_client.query_post(URL + "/a", text, {V})',
    f'code = KSR.http_client.query_post(URL + "/a", empty.strip(), {V})',
    f'code = KSR.http_client.query_post(URL + "/a", text.strip(), {V})',
    f'code = KSR.http_client.query_post_hdrs(URL + "/a", empty, "X-A: " + user, {V})',
    f'code = KSR.http_client.query_request("PUT", URL + "/a", text, "X-A: 1", {V})',
    f'code = KSR.http_client.get_hdrs(URL + "/a", "", "X-A: " + empty, {V})',
    f'code = KSR.http_client.get_hdrs(URL + "/a", "", "X-A: %s\\r\\nX-B: 1" % empty, {V})',
    f'code = KSR.http_client.query_post_hdrs(URL + "/a", empty, "X-A: " + empty, {V})',
    f'code = KSR.http_client.curl_connect_post("api", "/p", "a/b", empty, {V})',
    f'code = KSR.http_client.curl_connect_post("api", "/p", "a/b", text, {V})',
    f'code = KSR.http_client.curl_connect("api", "/p/" + user, {V})',
    f'code = msg.call_function("http_query", URL + text, {V})',
    f'code = msg.call_function("curl_http_query", URL + "/missing", {V})',
]
NAMED_SO = {
    "self.c": "S().ask(URL)", "def ask": "ask(URL)", "q =": f"q(URL + '/a', {V})",
    "import http_client as c": f"c.query(URL + '/a', {V})",
    "import http_client": f"http_client.query(URL + '/a', {V})",
    "c =": f"c.query(URL + '/a', {V})", "try:": f"KSR.http_client.query(URL + '/a', {V})",
}  # fmt: skip
"""What calls it, by a part of what is before."""
LEFT_OUT = ("blob", 'f"X-{', "$rm", '=$" + ')
"""Headers that cannot be seen, which have a note, and variables that a server alone has."""
STATUSES = [200, 204, 302, 404, 499, 500, 503]
ONE_OF_EACH = [
    f'code = KSR.http_client.query(URL + "/a", {V})',
    f'code = KSR.http_client.curl_connect("api", "/p", {V})',
    f'code = msg.call_function("http_query", URL + "/a", {V})',
    f'code = msg.call_function("curl_http_query", URL + "/a", {V})',
]


def answering(status: int) -> Callable[[Peer], None]:
    def answers(peer: Peer) -> None:
        while request := peer.request():
            given = 404 if b"/missing" in request else status
            has_body = not request.startswith(b"HEAD ") and given != 204
            body = b"first line\nsecond line" if has_body else b""
            length = b"" if given == 204 else b"Content-Length: %d\r\n" % len(body)
            peer.send(b"HTTP/1.1 %d X\r\n%s\r\n%s" % (given, length, body))

    return answers


class Msg:
    def __init__(self, server: LegacyServer) -> None:
        self._server = server

    def call_function(self, *given: Any) -> int:
        return self._server.call(given[0], given[1:])


@pytest.fixture(autouse=True)
def _process_is_left_as_found() -> Iterator[None]:
    yield
    use_server(None)
    onehttp.shutdown()


def script_of(statement: str) -> SourceText:
    statement = statement.replace("$rU", "$var(user)").replace("$(rU{", "$(var(user){")
    return SourceText("script.py", SCRIPT.replace("{statement}", statement))


def rewritten(source: SourceText) -> str:
    done = rewrite_source(source)
    assert isinstance(done, FileRewrite)
    assert done.left == []
    assert done.done
    return done.after


def run(text: str, url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a script gives back."""
    server = LegacyServer()
    use_server(server)
    for module, name in (("http_client", "httpcon"), ("curl", "curlcon")):
        server.modparam(module, name, f"api=>{url}/base")
    server.modparam("http_client", "connection_timeout", 60)
    server.start()
    ksr = Ksr(server)
    vars(ksr)["pvx"] = types.SimpleNamespace(
        evalx=lambda name, given: server.pv.set(name, server.pv.expand(given))
    )
    monkeypatch.setitem(sys.modules, "KSR", ksr)
    server.pv.set("$var(user)", "alice")
    server.pv.set("$var(value)", "before")
    script: dict[str, Any] = {}
    exec(compile(text, "script.py", "exec"), script)
    return script["route"](Msg(server), url, "alice", "", "/t u")


def both(statement: str | SourceText, server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    source = statement if isinstance(statement, SourceText) else script_of(statement)
    onehttp.init()
    old = run(source.text, server.url, monkeypatch)
    sent = [wire(request) for request in server.requests]
    server.requests.clear()
    new = run(rewritten(source), server.url, monkeypatch)
    assert [wire(request) for request in server.requests] == sent
    assert new == old


def calls() -> list[str]:
    """Those of scripts, each as the value of a name."""
    texts = [one for ones in SYNCHRONOUS.values() for one in ones if isinstance(one, str)]
    return [f"code = {text}" for text in texts if not any(part in text for part in LEFT_OUT)]


@pytest.mark.parametrize("statement", [*calls(), *MORE])
def test_a_rewritten_call_sends_and_gives_the_same(
    statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer(answering(200)) as server:
        both(statement, server, monkeypatch)


@pytest.mark.parametrize("head", [
    "import KSR as K\nc = K.http_client", "import KSR as K\nq = K.http_client.query",
    "from KSR import http_client as c", "from KSR import http_client",
    "import KSR\nc = KSR.http_client", "try:\n    import KSR\nexcept ImportError:\n    KSR = None",
    "import KSR as K\nclass S:\n    def __init__(self):\n        self.c = K.http_client\n"
    "    def ask(self, URL):\n        return self.c.query(URL + '/a', '$var(value)')",
    "import KSR as K\ndef ask(URL):\n"
    "    return getattr(K.http_client, 'query')(URL + '/a', '$var(value)')",
    "import KSR as K\ndef ask(URL):\n    here = K\n    c = here.http_client\n"
    "    return c.query(URL + '/a', '$var(value)')",
])  # fmt: skip
def test_the_variables_are_set_by_whatever_name_the_script_has_for_them(
    head: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = next(one for text, one in NAMED_SO.items() if text in head)
    source = SourceText(
        "script.py",
        f"{head}\n\n\ndef route(msg, URL, *others):\n    import KSR as k\n"
        f"    code = {called}\n    return code, k.pv.get('$var(value)')\n",
    )
    with RawServer(answering(200)) as server:
        both(source, server, monkeypatch)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("statement", ONE_OF_EACH)
def test_a_rewritten_call_keeps_the_same_value_for_each_status(
    statement: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer(answering(status)) as server:
        both(statement, server, monkeypatch)


@pytest.mark.parametrize("statement", ONE_OF_EACH)
def test_without_an_answer_it_has_the_old_code(
    statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hears_and_goes(peer: Peer) -> None:
        peer.request()

    with RawServer(hears_and_goes) as server:
        both(statement, server, monkeypatch)


def test_what_is_written_can_be_read_by_its_owner_as_before(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_bytes(b"\xef\xbb\xbfimport KSR\r\nKSR.http_client.query('http://h/', '$var(x)')\r\n")
    path.chmod(0o640)
    source = SourceText(str(path), path.read_bytes()[3:].decode(), has_bom=True)
    done = rewrite_source(source)
    assert isinstance(done, FileRewrite)
    done.write()
    text = path.read_bytes()
    assert text.startswith(b"\xef\xbb\xbfimport KSR\r\nimport onehttp\r\ntry:\r\n")
    assert text.count(b"\n") == text.count(b"\r\n")
    assert path.stat().st_mode & 0o777 == 0o640
