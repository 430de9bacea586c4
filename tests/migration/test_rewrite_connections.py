"""What no argument of a call says moves into a connections file; the wire stays as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import onehttp
from onehttp.cli.group import onehttp as command
from onehttp_compat.migration.rewrite.connections import with_entries
from onehttp_compat.migration.rewrite.rewriting import FileRewrite, rewrite_source
from onehttp_compat.migration.sources import SourceText
from onehttp_compat.script.captures import DEFAULT_MESSAGE
from onehttp_compat.script.serving import serving
from onehttp_compat.server import LegacyServer, use_server
from servers.raw import RawServer, keep_answering
from stand_ins.legacy.own_headers import wire

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")
SCRIPT = """import os
import KSR

WITH_USER = "http://user:pa%20ss@{server}"
BASE = os.environ["HTTP_BASE"]
PLAIN = "http://{server}"

def mod_init():
    return Routing()

class Routing:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        who = "alice"
        code = None
        KSR.tm.t_newtran()
{asking}
        KSR.hdr.append("X-Code: %s" % code)
        return 1

    def answered(self, msg, event=None):
        KSR.tm.t_reply(480, "Told %s" % KSR.pv.get("$http_rs"))
        return 1
"""
V = '"$var(x)"'
QUERY = 'code = KSR.http_async_client.query({}, "answered")'
LATE = 'KSR.pv.seti("$http_req(timeout)", 60000)\n'


def setting(**keys: object) -> str:
    return LATE + "".join(
        f"KSR.pv.set{'i' if isinstance(value, int) else 's'}"
        f'("$http_req({key.replace("_", "-") if key.startswith("ka") else key})", {value!r})\n'
        for key, value in keys.items()
    )


CASES = {
    "credentials": f'code = KSR.http_client.query("http://user:pw@{{server}}/a", {V})',
    "credentials, and a path put together":
        f'code = KSR.http_client.query("http://user:pw@{{server}}/a/" + who, {V})',
    "credentials in a constant": f'code = KSR.http_client.query(WITH_USER + "/a?b=" + who, {V})',
    "credentials, posted":
        f'code = KSR.http_client.query_post("http://user:pw@{{server}}/a", "x=1", {V})',
    "a user alone": f'code = KSR.http_client.query("http://user@{{server}}/a", {V})',
    "credentials of a query": LATE + QUERY.format('WITH_USER + "/a"'),
    "basic": setting(username="user", password="pw", authmethod=1) + QUERY.format('PLAIN + "/a"'),
    "tls": setting(tls_ca_path="/etc/ssl/certs")
    + QUERY.format('BASE + "/a/" + who'),
    "keepalive": setting(keepalive=1, ka_idle=30, ka_interval=5) + QUERY.format('PLAIN + "/a"'),
}  # fmt: skip
LEFT = {
    "which that is cannot be seen": f'code = KSR.http_client.query("http://u:p@" + who, {V})',
    "its value is not a literal":
        'KSR.pv.sets("$http_req(tls_ca_path)", who)\n' + QUERY.format('PLAIN + "/a"'),
    "authmethod is to be 1 or 2":
        setting(username="user", password="pw") + QUERY.format('PLAIN + "/a"'),
}  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    with RawServer(keep_answering) as running:
        monkeypatch.setenv("HTTP_BASE", running.url)
        yield running
        use_server(None)
        onehttp.shutdown()


def script_of(asking: str, server: str) -> str:
    text = SCRIPT.replace("{asking}", indent(asking, " " * 8))
    return text.replace("{server}", server)


def run(path: Path, text: str, connections: Mapping[str, Any]) -> Any:
    path.write_text(text)
    onehttp.init(connections={"version": 1, "connections": connections})
    legacy = LegacyServer()
    use_server(legacy)
    with serving(path, legacy) as sip:
        outcome = sip.run_one(DEFAULT_MESSAGE)
    onehttp.shutdown()
    return outcome.error, outcome.replies, sorted(outcome.headers)


@pytest.mark.parametrize("asking", CASES.values(), ids=CASES)
def test_an_entry_sends_what_the_call_sent(
    asking: str, server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = script_of(asking, server.url.partition("//")[2])
    old = run(tmp_path / "script.py", text, {})
    sent = [wire(request) for request in server.requests]
    server.requests.clear()
    done = rewrite_source(SourceText("script.py", text))
    assert isinstance(done, FileRewrite)
    assert done.left == []
    (entry,) = done.connections.values()
    said = entry.get("auth", {}).get("password", "")
    if said:
        password = "pa ss" if "WITH_USER" in asking else "" if "user@" in asking else "pw"
        monkeypatch.setenv(said.removeprefix("${env:").removesuffix("}"), password)
    new = run(tmp_path / "script.py", done.after, done.connections)
    assert old[0] is None
    assert new == old
    assert [wire(request) for request in server.requests] == sent
    assert sent


@pytest.mark.parametrize("reason", LEFT)
def test_what_the_script_does_not_say_has_a_note(reason: str) -> None:
    done = rewrite_source(SourceText("script.py", script_of(LEFT[reason], "h")))
    assert isinstance(done, FileRewrite)
    assert [reason in one.reason for one in done.left] == [True]
    assert done.connections == {}


def test_http2_with_prior_knowledge_is_an_entry() -> None:
    call = f'KSR.http_client.query_request_v2pk("PUT", "http://h.example:81/a", "b", "X: y", {V})'
    done = rewrite_source(SourceText("script.py", f"import KSR\n{call}\n"))
    assert isinstance(done, FileRewrite)
    assert done.connections == {
        "h_example_81": {"url": "http://h.example:81", "http_version": "2-prior-knowledge"}
    }
    assert 'onehttp.connection("h_example_81").request(' in done.after


def test_servers_with_other_options_have_other_names() -> None:
    calls = [f'KSR.http_client.query("http://{user}@h/", {V})' for user in ("a:1", "b:2", "a:3")]
    done = rewrite_source(SourceText("script.py", "import KSR\n" + "\n".join(calls) + "\n"))
    assert isinstance(done, FileRewrite)
    assert [*done.connections] == ["h", "h_2"]


def test_the_command_writes_the_file_once_and_keeps_what_is_there(tmp_path: Path) -> None:
    script, file = tmp_path / "script.py", tmp_path / "connections.yaml"
    call = f'KSR.http_client.query("http://u:s3cret@h.example/", {V})\n'
    script.write_text("import KSR\n" + call)
    told = CliRunner().invoke(
        command, ["migrate", "rewrite", str(script), "--connections", str(file)]
    )
    assert "+version: 1" in told.stdout
    assert not file.exists()
    write = ["migrate", "rewrite", str(script), "--connections", str(file), "--write"]
    assert CliRunner().invoke(command, write).exit_code == 0
    said = yaml.safe_load(file.read_text())
    assert said["connections"]["h_example"]["url"] == "http://h.example"
    assert "s3cret" not in file.read_text()
    before = file.read_text()
    assert CliRunner().invoke(command, write).exit_code == 0
    assert file.read_text() == before
    file.write_text("# ours\nversion: 1\nconnections:\n  other:\n    url: http://o/  # kept\n")
    script.write_text("import KSR\n" + call)
    assert CliRunner().invoke(command, write).exit_code == 0
    assert file.read_text().startswith("# ours\nversion: 1\nconnections:\n  other:\n    url: http")
    assert [*yaml.safe_load(file.read_text())["connections"]] == ["other", "h_example"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 1\nconnections:\n  a: {url: 'http://other/'}\n", "has another a"),
        ("version: 1\nconnections: {}\ndefaults: {}\n", "by hand"),
        ("version: 1\nconnections: {b: {url: 'http://b/'}}\n", "by hand"),
    ],
)
def test_a_file_that_cannot_be_added_to_is_left_and_told(text: str, said: str) -> None:
    with pytest.raises(onehttp.ConfigurationError, match=said):
        with_entries(text, {"a": json.loads('{"url": "http://a/"}')}, Path("connections.yaml"))
