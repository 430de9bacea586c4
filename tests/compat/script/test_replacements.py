"""What a report says instead of a legacy call does the same when it is pasted in its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import onehttp
from onehttp.cli.group import onehttp as command
from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.registry import FUNCTIONS, KEMI
from onehttp_compat.replacements import CallSites, replacement
from onehttp_compat.server import LegacyServer, use_server
from servers.multiplexing.http2 import Http2Server
from servers.raw import Peer, RawServer
from stand_ins.legacy import script_calls
from stand_ins.legacy.script_calls import ASYNCHRONOUS, PRIOR_KNOWLEDGE, SETTINGS, SYNCHRONOUS

pytestmark = pytest.mark.usefixtures("left_as_found")

# RFC 4474's functions have no counterpart of the same wire: identities of today are other headers.
COVERED = [function for function in FUNCTIONS if function.module != "auth_identity"]
# What the two ways say of themselves.
OWN_HEADERS = {"user-agent", "host", "accept", "accept-encoding", "connection"}

PATIENT = ["http_client:connection_timeout=60", "http_async_client:connection_timeout=60000"]
SCRIPT = """
import json
import os
import KSR
import onehttp

URL = os.environ["HTTP_URL"]
SUFFIX = "/a?u=$(rU{s.len})&cost=5$$"
TEMPLATE = URL + "/a?u=$rU&a=$au"

def mod_init():
    return Script()

class Script:
    def child_init(self, rank):
        return 0

    def route(self, msg):
        user = KSR.pv.get("$rU")
        blob = "X-Seen: %s\\r\\n" % user
{statements}
        if "code" in locals():
            tell(code, value)
        return 1

    def answered(self, msg, name=None):
        tell(KSR.pv.get("$http_rs"), KSR.pv.get("$http_rb"))
        return 1

@onehttp.route("pasted")
def pasted(result):
    tell(result.response.status, result.response.text)

def tell(code, value):
    with open(os.environ["OUT"], "w") as out:
        json.dump([code, value], out)
"""


def answers(peer: Peer) -> None:
    while request := peer.request():
        path = request.split(b" ", 2)[1]
        status, more = b"200 OK", b""
        if b"/missing" in path:
            status = b"404 Not Found"
        elif b"/moved" in path:
            status, more = b"302 Found", b"Location: /there\r\n"
        body = b"" if request.startswith(b"HEAD ") else b"first line\nsecond line"
        peer.send(b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s"
                  % (status, more, len(body), body))  # fmt: skip


@dataclass(frozen=True)
class Wire:
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def wire(request: bytes) -> Wire:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = [line.split(": ", 1) for line in lines]
    return Wire(method, target, tuple(sorted(
        (name.lower(), value) for name, value in pairs
        if name.lower() not in OWN_HEADERS or value == "text/plain")), body)  # fmt: skip


class Runs:
    """Statements inside a script: what they send, and what they learn from the answer."""

    def __init__(self, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._script, self._out = folder / "script.py", folder / "out"
        self._connections = folder / "connections.yaml"
        self._url = url
        monkeypatch.setenv("OUT", str(self._out))
        monkeypatch.setenv("HTTP_URL", url)
        monkeypatch.setenv("PASSWORD", "wonder")

    def learn(self, statements: str, connection: str = "") -> tuple[dict[str, Any], str]:
        """The report, and what the script has told."""
        self._script.write_text(SCRIPT.replace("{statements}", indent(statements, " " * 8)))
        named = yaml.safe_load(connection) if connection else {}
        self._connections.write_text(yaml.safe_dump(
            {"version": 1, "defaults": {"timeout": 60}, "requests": {"timeout": 60},
             "connections": named}))  # fmt: skip
        self._out.unlink(missing_ok=True)
        httpcon = f"http_client:httpcon=api=>{self._url}/base;timeout=60;httpredirect=1"
        done = CliRunner().invoke(
            command,
            ["run", str(self._script), "--call", "route", "--json",
             "--connections", str(self._connections),
             *(word for one in (httpcon, *PATIENT) for word in ("--modparam", one))],
        )  # fmt: skip
        use_server(None)
        onehttp.shutdown()
        assert done.stdout.startswith("{"), (done.output, done.exception)
        report = json.loads(done.stdout)
        assert [message["error"] for message in report["messages"]] == [None], statements
        assert self._out.exists(), report
        return report, self._out.read_text()


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Runs, RawServer]]:
    with RawServer(answers) as server:
        yield Runs(tmp_path, server.url, monkeypatch), server


def connection_of(replacement: str) -> str:
    """The entry that it wants in ``connections.yaml``."""
    mark = "# connections.yaml: "
    return next((line.removeprefix(mark) for line in replacement.splitlines()
                 if line.startswith(mark)), "")  # fmt: skip


@pytest.mark.parametrize(
    "call",
    [call for calls in SYNCHRONOUS.values() for call in calls if isinstance(call, str)],
)
def test_a_call_of_a_script(runs: tuple[Runs, RawServer], call: str) -> None:
    script, server = runs
    legacy = f'code = {call}\nvalue = KSR.pv.get("$var(value)")'
    report, told = script.learn(legacy)
    sent = [wire(request) for request in server.requests]
    server.requests.clear()
    (row,) = report["calls"]
    pasted, told_by_pasted = script.learn(row["replacement"])
    assert pasted["calls"] == []
    assert [wire(request) for request in server.requests] == sent, row["replacement"]
    assert told_by_pasted == told


@pytest.mark.parametrize("call", PRIOR_KNOWLEDGE)
def test_a_call_with_prior_knowledge_of_http_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    with Http2Server() as server:
        script = Runs(tmp_path, server.url, monkeypatch)
        report, told = script.learn(f'code = {call}\nvalue = KSR.pv.get("$var(value)")')
        replacement = report["calls"][0]["replacement"]
        _, told_by_pasted = script.learn(replacement, connection_of(replacement))
        heads = [{name: value for name, value in head.items() if name != "user-agent"}
                 for head in server.heads]  # fmt: skip
        assert told_by_pasted == told
        assert len(heads) == 2
        assert heads[0] == heads[1]
        assert server.bodies[0] == server.bodies[1]


@pytest.mark.parametrize("name", ASYNCHRONOUS)
def test_a_query_that_does_not_wait(runs: tuple[Runs, RawServer], name: str) -> None:
    script, server = runs
    report, told = script.learn(ASYNCHRONOUS[name])
    sent = [wire(request) for request in server.requests]
    server.requests.clear()
    *settings, row = report["calls"]
    assert all(one["replacement"].startswith("# goes into ") for one in settings)
    replacement = row["replacement"].replace('route="answered"', 'route="pasted"')
    _, told_by_pasted = script.learn(replacement, connection_of(replacement))
    assert [wire(request) for request in server.requests] == sent, replacement
    assert json.loads(told_by_pasted) == json.loads(told)


def test_where_a_redirect_has_led(runs: tuple[Runs, RawServer]) -> None:
    script, _ = runs
    legacy = """code = KSR.http_client.curl_connect("api", "/moved", "$var(value)")
code = msg.call_function("http_get_redirect", "api", "$var(value)")
value = KSR.pv.get("$var(value)")"""
    report, told = script.learn(legacy)
    pasted = "\n".join(call["replacement"] for call in report["calls"])
    assert script.learn(pasted)[1] == told
    assert json.loads(told)[1].endswith("/there")


def test_headers_of_responses_need_no_call(runs: tuple[Runs, RawServer]) -> None:
    script, _ = runs
    legacy = """msg.call_function("http_client_response_headers_set", "1")
code = KSR.http_client.query(URL + "/a", "$var(value)")
value = KSR.pv.get("$var(value)")
msg.call_function("http_client_response_headers_clear")
msg.call_function("http_client_response_headers_clear", "1")"""
    report, told = script.learn(legacy)
    pasted = [call["replacement"] for call in report["calls"]]
    assert [one.startswith("#") for one in pasted] == [True, False, True, True]
    assert script.learn("\n".join(pasted))[1] == told


@pytest.mark.parametrize(("name", "value", "said"), [
    (name, value, said) for names, (value, said) in SETTINGS.items() for name in names
])  # fmt: skip
def test_trust_is_what_a_connection_says(
    runs: tuple[Runs, RawServer], name: str, value: str, said: dict[str, object]
) -> None:
    script, server = runs
    report, _ = script.learn(
        f"""msg.call_function("{name}", "{value}")
msg.call_function("http_async_query", URL + "/a?u=$rU", "answered")"""
    )
    setting, query = report["calls"]
    assert setting["replacement"].startswith("# goes into the onehttp.submit that follows: tls: {")
    (entry,) = yaml.safe_load(connection_of(query["replacement"])).values()
    assert entry == {"url": server.url, "tls": said}


def native_calls() -> Iterator[tuple[str, tuple[str, ...]]]:
    for key, calls in SYNCHRONOUS.items():
        module, _, name = key.partition(".")
        kemi, _, count = name.partition("/")
        form = KEMI.get((module, kemi))
        for arguments in calls:
            if isinstance(arguments, tuple):
                assert len(arguments) + 1 == int(count)
                yield form.name if form else kemi, arguments


@pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")
@pytest.mark.parametrize(("name", "arguments"), list(native_calls()))
def test_a_native_call(legacy: LegacyServer, name: str, arguments: tuple[str, ...]) -> None:
    """What app_python's ``call_function`` has too few arguments for."""
    with RawServer(answers) as server:
        is_curl = name.startswith("curl")
        legacy.modparam(
            *(("curl", "curlcon") if is_curl else ("http_client", "httpcon")),
            f"api=>{server.url}/base",
        )
        given = [server.url + one if one == "/a" else one.replace("$rU", "$var(user)")
                 for one in arguments]  # fmt: skip
        seen: list[LegacyCall] = []
        legacy.observers.append(seen.append)
        legacy.start()
        legacy.pv.set("$var(user)", "alice")
        code = legacy.call(name, [*given, "$var(value)"])
        sent = [wire(request) for request in server.requests]
        server.requests.clear()
        told = {"onehttp": onehttp}
        exec(replacement(seen[0], CallSites()), told)
        assert [wire(request) for request in server.requests] == sent
        assert [told["code"], told["value"]] == [code, legacy.pv.expand("$var(value)")]


def test_every_legacy_function_is_among_them() -> None:
    tried = {name for name, _ in native_calls()}
    text = Path(script_calls.__file__).read_text()
    for function in COVERED:
        names = {function.label(True) if function.kemi else "", function.name} - {""}
        assert any(name in text or name in tried for name in names), function
