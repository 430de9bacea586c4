"""A rewrite that knows the server's configuration: the connections that calls name are there."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp

CONFIG = """loadmodule "http_client.so"
modparam("http_client", "httpcon", "api=>http://user:s3cret@api.example/v1;timeout=2")
request_route {
  http_client_query("http://h/$rU", "$var(x)");
}
"""
SCRIPT = """import KSR

KSR.http_client.curl_connect("api", "/x", "$var(r)")
KSR.http_client.query("http://me:hidden@api/", "$var(r)")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("kamailio.cfg").write_text(CONFIG)
    Path("script.py").write_text(SCRIPT)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(onehttp, ["migrate", "rewrite", *arguments])


def test_connections_of_the_server_stand_in_a_new_file(folder: Path) -> None:
    done = run("script.py", "--config", "kamailio.cfg", "--write")
    assert done.exit_code == 0, done.output
    text = (folder / "connections.yaml").read_text()
    said = yaml.safe_load(text)["connections"]
    assert said["api"]["url"] == "http://api.example/v1"
    assert said["api_2"]["url"] == "http://api"
    assert 'onehttp.connection("api").get("/x")' in (folder / "script.py").read_text()
    assert 'onehttp.connection("api_2")' in (folder / "script.py").read_text()
    assert "s3cret" not in text + done.output
    assert "hidden" not in text


def test_a_file_that_is_there_gets_those_that_calls_name(folder: Path) -> None:
    file = folder / "connections.yaml"
    file.write_text("# ours\nversion: 1\nconnections:\n  other:\n    url: http://o/\n")
    assert run("script.py", "--config", "kamailio.cfg", "--write").exit_code == 0
    assert file.read_text().startswith("# ours\n")
    assert [*yaml.safe_load(file.read_text())["connections"]] == ["other", "api", "api_2"]


def test_a_connection_that_no_file_has_is_told(folder: Path) -> None:
    Path("script.py").write_text(SCRIPT * 2 + SCRIPT.replace('"api"', '"other"'))
    # Without the configuration nobody knows what "api" is: a server of that name is not it.
    told = 'script.py:3: connections.yaml has no connection "api": add it there'
    done = run("script.py")
    assert done.stderr.count(told) == 1
    assert 'api_2: {"url": "http://api"' in done.stdout
    done = run("script.py", "--config", "kamailio.cfg", "--write")
    assert 'no connection "api"' not in done.stderr
    assert 'connections.yaml has no connection "other"' in done.stderr


def test_what_is_not_converted_is_told(folder: Path) -> None:
    with Path("kamailio.cfg").open("a") as file:
        file.write('modparam("http_client", "httpcon", "b=>nonsense://b/")\n')
    done = run("script.py", "--config", "kamailio.cfg")
    assert "kamailio.cfg: not all of it is converted" in done.stderr
    assert run("script.py", "--config", "missing.cfg").exit_code == 1


def test_calls_of_configurations_are_told_and_stay(folder: Path) -> None:
    done = run(".", "--write")
    assert "kamailio.cfg:4: http_client_query: in request_route: stays native" in done.stderr
    assert "1 calls in configurations stay as they are" in done.stderr
    assert (folder / "kamailio.cfg").read_text() == CONFIG
    assert "http_client_query" not in run(".", "--module", "utils").stderr


def test_a_configuration_that_cannot_be_read_is_an_exit_status(folder: Path) -> None:
    Path("kamailio.cfg").write_text("request_route {\n")
    assert run(".").exit_code == 3
