"""The examples of KEMI scripts, of each way to write one: outside the server, and in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp as command
from servers.kamailio import real_server
from servers.raw import Peer, RawServer

pytestmark = pytest.mark.usefixtures("left_as_found")

EXAMPLES = Path(__file__).parents[3] / "examples/kemi"
MESSAGES = Path(__file__).parent / "scripts/messages"
CALLS = {
    "minimal": {"KSR.http_client.query"},
    "functions": {"KSR.http_client.query_post_hdrs"},
    "full": {"KSR.http_client.query"},
}
ASSUMED = {"full": {"KSR.registrar.save"}}


def services(peer: Peer) -> None:
    while request := peer.request():
        body = b"south" if request.startswith(b"POST ") else b"north"
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    with RawServer(services) as server:
        monkeypatch.setenv("ROUTING_API", server.url)
        yield server


def run(name: str, *more: str) -> Any:
    done = CliRunner().invoke(
        command,
        ["run", str(EXAMPLES / f"{name}.py"), "--message", str(MESSAGES), "--json",
         "--myself", "sip.example.org", *more],
    )  # fmt: skip
    assert done.stdout.startswith("{"), (done.output, done.exception)
    return json.loads(done.stdout)


@pytest.mark.usefixtures("web")
@pytest.mark.parametrize("name", CALLS)
def test_every_message_ends_and_the_bill_has_what_was_called(name: str) -> None:
    said = run(name)
    assert [one["error"] for one in said["messages"] if one["error"]] == []
    assert said["mistakes"] == []
    assert {one["function"] for one in said["calls"]} == CALLS[name]
    assert {one["function"] for one in said["assumed"]} == ASSUMED.get(name, set())
    assert all("onehttp.request(" in one["replacement"] for one in said["calls"])
    assert any(message["replies"] for message in said["messages"])


@pytest.mark.debian
@pytest.mark.slow
@pytest.mark.usefixtures("web")
@pytest.mark.parametrize("name", CALLS)
def test_the_real_server_does_the_same(name: str) -> None:
    real_server.skip_unless_installed()
    said = run(name, "--compare")
    # What a registrar answers is its own.
    found = [one for one in said["differences"] if "01-register" not in one["message"]]
    assert found == []
