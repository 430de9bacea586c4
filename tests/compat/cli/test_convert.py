"""``onehttp convert``, as an operator runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp
from onehttp.connections.file.load import load_connections

DECLARED = 'modparam("http_client", "httpcon", "api=>http://u:s3cret@h.example/x")\n'


@pytest.fixture
def cfg(tmp_path: Path) -> Path:
    path = tmp_path / "kamailio.cfg"
    path.write_text(DECLARED)
    return path


def test_yaml_goes_to_standard_output_and_the_report_to_standard_error(
    cfg: Path, tmp_path: Path
) -> None:
    run = CliRunner().invoke(onehttp, ["convert", str(cfg)])
    assert run.exit_code == 0, run.output
    (tmp_path / "out.yaml").write_text(run.stdout)
    assert load_connections(tmp_path / "out.yaml")["api"].url == "http://h.example/x"
    assert "converted" in run.stderr
    assert "s3cret" not in run.stderr


def test_a_file_is_written_for_its_owner_only_and_never_over_another(
    cfg: Path, tmp_path: Path
) -> None:
    output = tmp_path / "connections.yaml"
    arguments = ["convert", str(cfg), "-o", str(output)]
    assert CliRunner().invoke(onehttp, arguments).exit_code == 0
    assert output.stat().st_mode & 0o777 == 0o600
    again = CliRunner().invoke(onehttp, arguments)
    assert again.exit_code == 1
    assert "exists already; --force" in again.output
    assert CliRunner().invoke(onehttp, [*arguments, "--force"]).exit_code == 0


def test_machines_get_json_and_a_loss_is_an_exit_status(tmp_path: Path) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_text(DECLARED + 'modparam("http_client", "query_result", 0)\n')
    run = CliRunner().invoke(onehttp, ["convert", str(path), "--json"])
    assert run.exit_code == 1
    answer = json.loads(run.stdout)
    assert answer["yaml"].startswith("# Converted by onehttp from kamailio.cfg.\nversion: 1\n")
    assert [row["became"] for row in answer["report"]] == ["converted", "lost"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "declares no connection"),
        ("[a]\nurl\n", "kamailio.cfg:2:4: expected '='"),
        (
            'modparam("http_client", "httpcon", "a=>x")',
            "kamailio.cfg:1: httpcon 'a':5: expected '://' after the scheme",
        ),
        ('modparam("http_client", "htpcon", "a=>x")', "did you mean 'httpcon'"),
        ('modparam("http_client", "config_file", "/none/at.all")', "cannot be read"),
    ],
)
def test_what_the_server_would_refuse_is_refused_with_its_place(
    tmp_path: Path, text: str, error: str
) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_text(text)
    run = CliRunner().invoke(onehttp, ["convert", str(path)])
    assert run.exit_code == 1
    assert error in run.output


def test_what_only_the_module_takes_is_read_as_the_module_does_and_told(tmp_path: Path) -> None:
    path = tmp_path / "http.cfg"
    path.write_text("[a]\nurl = ftp://h\n[b]\nurl = http://h\n")
    run = CliRunner().invoke(onehttp, ["convert", str(path), "--json"])
    answer = json.loads(run.stdout)
    assert run.exit_code == 1
    assert "  b:" in answer["yaml"]
    assert "  a:" not in answer["yaml"]
    fault = answer["report"][-1]["text"]
    assert "http.cfg:1:1: a: [a]: url: expected http:// or https://" in fault


def test_a_connections_file_that_is_no_text_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "http.cfg"
    path.write_bytes(b"# caf\xe9\n[a]\nurl = http://h\n")
    run = CliRunner().invoke(onehttp, ["convert", str(path)])
    assert run.exit_code == 1
    assert "http.cfg:1: not UTF-8 text" in run.output


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    run = CliRunner().invoke(onehttp, ["convert", str(tmp_path / "none.cfg")])
    assert run.exit_code == 1
    assert "cannot be read: No such file" in run.output
