"""``setup`` in the real server: whose parameters are in force, and what is refused at the start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.kamailio import calls as kamailio_calls
from servers.kamailio.calls import RTIMER
from servers.raw import Peer, RawServer

SCRIPT = Path(__file__).with_name("parameters_script.py")
LINES = b"first\nsecond\nthird\n"
OF_HTTP = """
loadmodule "http_client.so"
modparam("http_client", "query_result", 0)
modparam("http_client", "httpcon", "ofcfg=>{url}")
"""


def three_lines(peer: Peer) -> None:
    while request := peer.request():
        body = bytes(range(256)) * 80 if b"/large " in request else LINES
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@pytest.fixture
def backend(same_python: None) -> Iterator[RawServer]:
    with RawServer(three_lines) as running:
        yield running


def environment(tmp_path: Path, backend: RawServer) -> dict[str, str]:
    connections = tmp_path / "connections.yaml"
    connections.write_text(f"version: 1\nconnections:\n  offile: {{url: {backend.url}}}\n")
    return {"TEST_BACKEND": backend.url, "TEST_CONNECTIONS": str(connections)}


def test_the_lines_of_the_running_servers_configuration_are_in_force(
    tmp_path: Path, backend: RawServer
) -> None:
    more = OF_HTTP.format(url=backend.url)
    with kamailio_calls.running(tmp_path, SCRIPT, environment(tmp_path, backend), more=more) as (
        inside,
        _,
    ):
        assert inside.ask("whole") == f"200 200 True {len(LINES)}"
        assert inside.ask("connections") == "200 200 200 -1"
        assert inside.ask("results") == "alike"
        theirs, ours = (backend.targets.count(f"GET /{whose}") for whose in ("theirs", "ours"))
        assert theirs == ours
        assert inside.ask("variables") == "Couldn't connect to server [] <null> True"
        assert inside.ask("twins") == "Couldn't connect to server, then nothing"
        assert inside.ask("readings") == "[] 0 0"
        assert inside.ask("octets") == str([True] * 5)
        assert inside.ask("same") == "True given ofcfg 200"


@pytest.mark.parametrize(
    ("more", "seen"), [("pv_buffer_size=65536", "True False"), ("", "False True")]
)
def test_long_answers_that_are_no_text_are_whole_or_empty(
    tmp_path: Path, backend: RawServer, more: str, seen: str
) -> None:
    with kamailio_calls.running(tmp_path, SCRIPT, environment(tmp_path, backend), more=more) as (
        inside,
        _,
    ):
        assert inside.ask("large") == f"200 {seen}"
        assert ("20480 bytes that are not text" in inside.log()) is (not more)


@pytest.mark.parametrize("was_taken_over", ["", "before"])
def test_a_file_of_its_own_has_them_where_the_modules_are_not_loaded(
    tmp_path: Path, backend: RawServer, was_taken_over: str
) -> None:
    file = tmp_path / "http.cfg"
    file.write_text(OF_HTTP.format(url=backend.url).replace('query_result", 0', 'query_result", 1'))
    variables = {
        **environment(tmp_path, backend),
        "TEST_CFG": str(file),
        "TEST_TAKEN_OVER": was_taken_over,
    }
    with kamailio_calls.running(tmp_path, SCRIPT, variables) as (inside, _):
        assert inside.ask("first_line") == "5"
        assert inside.ask("connections") == "200 200 200 -1"


@pytest.mark.parametrize(
    ("rtimer", "more", "told"),
    [
        ("", "", 'modparam("rtimer", "exec", "timer=onehttp;route=onehttp_drive")'),
        (
            RTIMER,
            'loadmodule "http_client.so"\nmodparam("http_client", "httpcon", "x")',
            "inside.cfg",
        ),
    ],
)
def test_a_server_that_lacks_something_does_not_start_and_says_why(
    tmp_path: Path, backend: RawServer, rtimer: str, more: str, told: str
) -> None:
    with (
        pytest.raises(AssertionError, match="is not ready") as refused,
        kamailio_calls.running(
            tmp_path, SCRIPT, environment(tmp_path, backend), rtimer=rtimer, more=more
        ),
    ):
        pass
    assert told in str(refused.value)


def test_modules_that_are_taken_over_have_the_servers_own_parameters(
    tmp_path: Path, backend: RawServer
) -> None:
    script = Path(__file__).parent / "neighbours" / "taken_over_script.py"
    more = OF_HTTP.format(url=backend.url)
    with kamailio_calls.running(tmp_path, script, {}, rtimer="", more=more) as (inside, _):
        assert inside.ask("x") == f"200 {len(LINES)}"
