"""Six scripts as people write them: run, recorded, scanned, rewritten, and run again without a
legacy call and with the same on the wire."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import onehttp
from onehttp.cli.group import onehttp as command
from onehttp_compat.migration.rewrite.rewriting import FileRewrite, rewrite
from onehttp_compat.migration.scanning import scan
from onehttp_compat.server import use_server
from servers.raw import Peer, RawServer
from stand_ins.legacy.own_headers import wire

CORPUS = Path(__file__).parent / "corpus"
SCRIPTS = sorted(CORPUS.glob("*.py"))
MESSAGES = Path(__file__).parents[1] / "compat/script/scripts/messages"
ANSWERS = {
    b"/number/": b"ported\n(since 2024)", b"/carrier": b"north", b"/balance/": b"9",
    b"/fraud/": b"no", b"/route": b"sip:127.0.0.1:5099", b"/uri": b"sip:bob@192.0.2.50",
    b"/banned": b"mallory,alice", b"/token/": b"abc", b"/price": b"0.07\nEUR",
}  # fmt: skip


def answers(peer: Peer) -> None:
    while request := peer.request():
        path = request.split(b" ", 2)[1]
        body = next((body for start, body in ANSWERS.items() if path.startswith(start)), b"ok")
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@pytest.fixture(autouse=True)
def _process_is_left_as_found() -> Iterator[None]:
    yield
    use_server(None)
    onehttp.shutdown()


@pytest.fixture(params=SCRIPTS, ids=lambda path: path.stem)
def script(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy."""
    return Path(shutil.copy(request.param, tmp_path))


def play(
    script: Path, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[Any], list[Any], dict[str, Any]]:
    """What was sent, what became of each message, and the report."""
    monkeypatch.setenv("HTTP_URL", server.url)
    handler = ["--method", "handle"] if "handle" in script.read_text() else ["--child-init", "1"]
    server.requests.clear()
    done = CliRunner().invoke(command, [
        "run", str(script), "--message", str(MESSAGES), "--json", *handler, "--timeout", "60",
        "--modparam", f"http_client:httpcon=billing=>{server.url};timeout=60",
        "--modparam", "http_client:connection_timeout=60",
    ])  # fmt: skip
    use_server(None)
    onehttp.shutdown()
    assert done.stdout.startswith("{"), (done.output, done.exception)
    report = json.loads(done.stdout)
    messages = [(one["message"], one["end"], one["replies"], one["actions"], one["error"])
                for one in report["messages"]]  # fmt: skip
    return sorted(wire(request) for request in server.requests), messages, report


def test_a_script_of_the_corpus_moves(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = tmp_path / "legacy.jsonl"
    with RawServer(answers) as server:
        monkeypatch.setenv("ONEHTTP_LEGACY", "record")
        monkeypatch.setenv("ONEHTTP_LEGACY_FILE", str(recording))
        old_wire, old_messages, report = play(script, server, monkeypatch)
        assert old_wire, "it calls nothing"
        assert [message[4] for message in old_messages if message[4]] == []

        told = CliRunner().invoke(
            command, ["migrate", "scan", str(script), "--recorded", str(recording), "--json"]
        )
        sites = json.loads(told.stdout)["sites"]
        assert {site["kind"] for site in sites} == {"call"}
        ran = {int(call["place"].rpartition(":")[2]) for call in report["calls"]}
        seen = [range(site["line"], site["end_line"] + 1) for site in sites if site["seen"]]
        assert all(any(line in lines for lines in seen) for line in ran)

        done = CliRunner().invoke(command, ["migrate", "rewrite", str(script), "--write"])
        assert done.exit_code == 0, done.output

        monkeypatch.setenv("ONEHTTP_LEGACY", "error")
        new_wire, new_messages, report = play(script, server, monkeypatch)
    assert new_messages == old_messages
    assert new_wire == old_wire
    assert report["calls"] == []


def test_nearly_all_sites_of_the_corpus_are_rewritten_and_all_are_told() -> None:
    files = [one for one in rewrite([CORPUS]) if isinstance(one, FileRewrite)]
    done = sum(len(one.done) for one in files)
    left = [change for one in files for change in one.left]
    assert done + len(left) == len(scan([CORPUS]).sites)
    assert done / (done + len(left)) >= 0.95, left
