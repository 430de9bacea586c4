"""``onehttp request``: a single call from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp as command
from servers.raw import RawServer, echo, silent


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["request", *arguments])


@pytest.fixture(params=["pycurl", "httpx"])
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_the_body_is_printed_as_it_came(engine: str) -> None:
    with RawServer(echo) as server:
        done = run("GET", f"{server.url}/x", "--backend", engine, "-H", "X-A: 1")
    assert done.exit_code == 0
    assert done.stdout_bytes.startswith(b"GET /x HTTP/1.1\r\n")
    assert b"X-A: 1\r\n" in done.stdout_bytes


def test_json_for_machines(engine: str) -> None:
    with RawServer(echo) as server:
        done = run("POST", server.url, "--backend", engine, "--json", "[1]", "--output", "json")
    said = json.loads(done.stdout)
    assert said["status"] == 200
    assert said["body"].endswith("[1]")
    assert said["timings_us"]["total_us"] > 0


def test_a_named_connection(engine: str, tmp_path: Path) -> None:
    with RawServer(echo) as server:
        path = tmp_path / "c.yaml"
        path.write_text(f"version: 1\nconnections: {{api: {{url: '{server.url}/v1'}}}}\n")
        done = run("GET", "/x", "--connections", str(path), "--connection", "api",
                   "--backend", engine, "-i", "--timings")  # fmt: skip
    assert done.stdout.startswith("HTTP/1.1 200 OK\n")
    assert "GET /v1/x" in done.stdout
    assert "starttransfer" in done.stderr


def test_a_connection_of_the_usual_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with RawServer(echo) as server:
        Path("connections.yaml").write_text(
            f"version: 1\nconnections: {{api: {{url: '{server.url}/v1'}}}}\n"
        )
        assert run("GET", "/x", "--connection", "api").stdout.startswith("GET /v1/x")


def test_a_body_from_a_file(engine: str, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"from file")
    with RawServer(echo) as server:
        done = run("PUT", server.url, "-d", f"@{tmp_path}/body", "--backend", engine)
    assert done.stdout.endswith("from file")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["GET", "ftp://x/"], "scheme 'ftp' is not supported"),
        (["GET", "http://127.0.0.1:1/"], "127.0.0.1:1"),
        (["GET", "http://x/", "-H", "no colon"], "expected 'Name: value'"),
        (["GET", "http://x/", "--json", "{"], "not JSON"),
        (["GET", "http://x/", "-d", "@/not/there"], "No such file"),
        (["GET", "/x", "--connection", "api"], "no connection named 'api'"),
        (["GET", "http://x/", "--backend", "none"], "none"),
    ],
)
def test_a_failure_is_one_line_and_an_exit_status(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code != 0
    assert said in done.stderr
    assert "Traceback" not in done.output


def test_a_time_limit_ends_the_request_with_an_error(engine: str) -> None:
    with RawServer(silent) as server:
        done = run("GET", server.url, "--timeout", "0.05", "--backend", engine)
    assert done.exit_code == 1
    assert "Error:" in done.stderr
