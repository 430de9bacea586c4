"""``onehttp run`` and ``onehttp rpc`` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp as command
from servers.raw import Peer, RawServer

pytestmark = pytest.mark.usefixtures("left_as_found")

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"


def numbers(peer: Peer) -> None:
    """The services that the examples ask, as far as these tests need them."""
    while request := peer.request():
        path = request.split(b" ", 2)[1]
        body = b"pass" if path.startswith(b"/fraud") else b"north"
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def replay(server: RawServer, monkeypatch: pytest.MonkeyPatch, *more: str) -> Result:
    monkeypatch.setenv("ROUTING_API", server.url)
    return run("run", str(EXAMPLES / "legacy_routing.py"), *more,
               "--message", str(EXAMPLES / "messages"))  # fmt: skip


def test_the_report_names_each_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with RawServer(numbers) as server:
        done = replay(server, monkeypatch)
    assert done.exit_code == 0, done.output
    for said in ("http_query", "curl_http_query", "http_client_query", "legacy_routing.py:",
                 "onehttp.request", "one engine (pycurl)", "1 global init"):  # fmt: skip
        assert said in done.output


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_json_for_machines(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    with RawServer(numbers) as server:
        done = replay(server, monkeypatch, "--json", "--backend", engine)
        said = json.loads(done.stdout)
        assert {call["function"] for call in said["calls"]} == {
            "http_query",
            "curl_http_query",
            "http_client_query",
        }
        assert said["engine"]["transfers"] == len(server.requests)
        assert said["engine"]["backend"] == engine
    assert len(said["messages"]) == 6
    assert all(call["replacement"] for call in said["calls"])


def test_many_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(numbers) as server:
        said = json.loads(replay(server, monkeypatch, "--repeat", "20", "--json").stdout)
    assert said["summary"]["messages"] == 120
    assert [message["message"][0] for message in said["messages"]] == list("123456")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "missing.py"], "missing.py: no such file"),
        (["run", str(EXAMPLES / "kemi_routing.py"), "--message", "none.sip"], "none.sip"),
        (["run", str(EXAMPLES / "kemi_routing.py"), "--connections", "none.yaml"], "none.yaml"),
        (["run", str(EXAMPLES / "kemi_routing.py"), "--modparam", "x"], "MODULE:NAME=VALUE"),
        (
            ["run", str(EXAMPLES / "kemi_routing.py"), "--modparam", "http_client:nosuch=1"],
            "nosuch",
        ),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code != 0
    assert said in done.stderr
    assert "Traceback" not in done.output


def test_the_usual_connections_file_is_taken_and_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("routing.py").write_text(
        "import KSR\ndef ksr_request_route():\n"
        "    return KSR.http_client.curl_connect('api', '/x', '$var(r)')\n"
    )
    with RawServer(numbers) as server:
        Path("connections.yaml").write_text(
            f"version: 1\nconnections: {{api: {{url: '{server.url}/v1'}}}}\n"
        )
        said = json.loads(run("run", "routing.py", "--json").stdout)
        assert server.requests[0].startswith(b"GET /v1/x ")
    assert said["notes"] == ["Using the connections file connections.yaml in this folder."]
    assert run("run", "routing.py", "--modparam", "utils:http_query_timeout=3").exit_code == 0


def test_rpc_lists_connections_without_secrets() -> None:
    done = run("rpc", "httpclient.listcon",
               "--modparam", "http_client:httpcon=api=>http://u:geheim@api.example/v1")  # fmt: skip
    assert done.exit_code == 0, done.output
    listed = json.loads(done.stdout)["result"]["CONNECTION"]
    assert listed["NAME"] == "api"
    assert "geheim" not in done.stdout


def test_rpc_of_nothing_is_a_fault() -> None:
    done = run("rpc", "curl.listcon")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "error": {"code": 500, "message": "No Connection Definitions"}
    }
