"""``onehttp check`` and ``onehttp schema``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp as command

BROKEN = """\
version: 1
connections:
  api:
    url: http://api.example
    timout: 3
    timeout: {total: fast}
  backup: {}
"""
PLAIN = """\
version: 1
connections:
  api: {url: 'http://api.example', auth: {username: u, password: geheim}}
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("connections.yaml")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, list(map(str, arguments)))


def test_check_shows_every_mistake_with_its_place_and_fails(path: Path) -> None:
    path.write_text(BROKEN)
    done = run("check", path)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "error: connections.yaml:5:5: connections.api.timout: unknown key; did you mean 'timeout'?",
        "error: connections.yaml:6:22: connections.api.timeout.total: "
        'expected seconds > 0, got "fast"',
        "error: connections.yaml:7:3: connections.backup: "
        "has no url; give url: http(s)://host[:port][/prefix]",
        "3 errors, 0 warnings",
    ]


def test_check_warns_of_plain_text_and_succeeds(path: Path) -> None:
    path.write_text(PLAIN)
    done = run("check", path)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "warning: connections.yaml:3:66: connections.api.auth.password: "
        "a secret in plain text; use ${env:NAME} or ${file:PATH}",
        "1 connection, 1 warning",
    ]
    assert "geheim" not in done.stdout


@pytest.mark.parametrize("option", [["--json"], ["--format", "json"]])
def test_check_speaks_json(path: Path, option: list[str]) -> None:
    path.write_text(BROKEN)
    done = run("check", *option, path)
    assert done.exit_code == 1
    rows = json.loads(done.stdout)
    assert rows[0] == {
        "severity": "error",
        "file": "connections.yaml",
        "line": 5,
        "column": 5,
        "key": "connections.api.timout",
        "message": "unknown key; did you mean 'timeout'?",
    }
    assert [row["line"] for row in rows] == [5, 6, 7]


def test_check_annotates_a_workflow(path: Path) -> None:
    path.write_text("version: 1\n50% of: it\n")
    done = run("check", "--format", "github", path)
    assert done.exit_code == 1
    assert done.stdout.startswith(
        "::error file=connections.yaml,line=2,col=1::50%25 of: unknown key"
    )


def test_check_looks_at_several_files(path: Path) -> None:
    path.write_text(PLAIN)
    done = run("check", path, "gone.yaml")
    assert done.exit_code == 1
    assert "error: gone.yaml: cannot be read: No such file or directory" in done.stdout


def test_check_takes_the_usual_file_where_none_is_named(path: Path) -> None:
    assert "connections.yaml: cannot be read" in run("check").stdout
    path.write_text(PLAIN)
    assert run("check").stdout.endswith("1 connection, 1 warning\n")


def test_schema_describes_every_key(path: Path) -> None:
    schema = json.loads(run("schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    connection = schema["$defs"]["ConnectionModel"]
    assert connection["required"] == ["url"]
    assert connection["additionalProperties"] is False
    assert {"url", "tls", "retry", "limits"} <= set(connection["properties"])
    assert {"type": "number", "exclusiveMinimum": 0} in connection["properties"]["timeout"]["anyOf"]


def test_schema_prints_the_reference(path: Path) -> None:
    assert (
        "| `max_body` | whole number >= 0, <= 1e+15 | `10485760` |"
        in run("schema", "--format", "markdown").stdout
    )
