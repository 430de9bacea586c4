"""``onehttp convert``, as an operator runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
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
    path.write_text(DECLARED + 'modparam("http_client", "keep_connections", 1)\n')
    run = CliRunner().invoke(onehttp, ["convert", str(path), "--json"])
    assert run.exit_code == 1
    answer = json.loads(run.stdout)
    assert answer["yaml"].startswith("# Converted by onehttp from kamailio.cfg.\nversion: 1\n")
    assert [row["became"] for row in answer["report"]] == ["converted", "lost"]
    assert answer["summary"]["http"] == ["http_client"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[a]\nurl\n", "kamailio.cfg:2:4: expected '='"),
        (
            'modparam("http_client", "httpcon", "a=>x")',
            "httpcon 'a':5: expected '://' after the scheme",
        ),
        ('modparam("http_client", "htpcon", "a=>x")', "did you mean 'httpcon'"),
        ('modparam("http_client", "config_file", "/none/at.all")', "cannot be read"),
        ('modparam("http_client", "config_file", ".")', "cannot be read"),
        ('modparam("http_client", "httpcon" "a")', "expected ',', got )"),
    ],
)
def test_what_the_server_would_refuse_is_told_with_its_place(
    tmp_path: Path, text: str, error: str
) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_text(text)
    run = CliRunner().invoke(onehttp, ["convert", str(path), "--json"])
    assert run.exit_code == 3
    (row,) = json.loads(run.stdout)["report"]
    assert row["became"] == "not understood"
    assert error in row["text"]
    assert "kamailio.cfg:" in row["place"]


def test_what_only_the_module_takes_is_read_as_the_module_does_and_told(tmp_path: Path) -> None:
    path = tmp_path / "http.cfg"
    path.write_text("[a]\nurl = ftp://h\n[b]\nurl = http://h\n")
    run = CliRunner().invoke(onehttp, ["convert", str(path), "--json"])
    answer = json.loads(run.stdout)
    assert run.exit_code == 1
    assert "  b:" in answer["yaml"]
    assert "  a:" not in answer["yaml"]
    texts = {row["became"]: row["text"] for row in answer["report"]}
    assert "http.cfg:1:1: a: [a]: url: expected http:// or https://" in texts["changed"]


def test_comments_of_a_connections_file_may_be_latin_1(tmp_path: Path) -> None:
    path = tmp_path / "http.cfg"
    path.write_bytes(b"# caf\xe9\n[a]\nurl = http://h\n")
    run = CliRunner().invoke(onehttp, ["convert", str(path)])
    assert run.exit_code == 0, run.output
    assert "# caf\u00e9" in run.stdout


@pytest.mark.parametrize("name", ["none.cfg", "."])
def test_a_missing_file_is_an_error(tmp_path: Path, name: str) -> None:
    run = CliRunner().invoke(onehttp, ["convert", str(tmp_path / name)])
    assert run.exit_code == 1
    assert "cannot be read: " in run.output


def test_an_empty_file_declares_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_text("")
    run = CliRunner().invoke(onehttp, ["convert", str(path)])
    assert run.exit_code == 0
    assert "declares nothing of the HTTP modules" in run.stderr
    assert load_connections(yaml.safe_load(run.stdout)) == {}


@pytest.mark.usefixtures("debian")
def test_the_configuration_that_comes_with_the_server_fits_one_screen() -> None:
    run = CliRunner().invoke(onehttp, ["convert", "/etc/kamailio/kamailio.cfg"])
    assert run.exit_code == 0, run.output
    lines = run.output.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert "declares nothing of the HTTP modules" in run.stderr
    assert "20 modules" in run.stderr
    assert "#!ifdef WITH_NAT (11)" in run.stderr


def test_the_report_breaks_no_word_and_shows_no_password(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 90)
    folder.mkdir()
    path = folder / "kamailio.cfg"
    path.write_text(
        'modparam("http_client", "httpcon", "a=>http://u:s3cret@h;failover=b")\n'
        'modparam("http_client", "httpcon", "b=>http://u:s3cret@h;nosuch=1;other=2")\n'
        'modparam("http_client", "httpcon", "u:s3cret@h")\n'
        'include_file "b.cfg"\n'
    )
    run = CliRunner().invoke(onehttp, ["convert", str(path), "-o", str(tmp_path / "out")])
    assert "s3cret" not in run.output
    assert "kamailio.cfg:3  http_client httpcon" in run.stderr
    for line in run.stderr.splitlines():
        assert len(line) <= 80 or " " not in line.strip()


def test_what_a_configuration_depends_on_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_text(
        'include_file "/etc/kamailio/more.cfg"\n'
        '#!ifdef WITH_A\nmodparam("http_client", "httpcon", A)\n#!endif\n'
        '#!defenvs B\nmodparam("http_client", "httpcon", B)\n'
        'modparamx("http_client", "httpcon", "c=>http://$env(HOST_C)/")\n'
    )
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/more.cfg").write_text(
        'modparam("http_client", "httpcon", "d=>http://d.example")\n'
    )
    environment = tmp_path / "environment"
    environment.write_text(
        "# of the service\nexport B='b=>http://b.example'\n\nHOST_C = c.example\n"
    )
    arguments = ["--define", "WITH_A", "--define", "A=a=>http://a.example"]
    arguments += ["--env-file", str(environment), "--include-path", str(tmp_path / "elsewhere")]
    run = CliRunner().invoke(onehttp, ["convert", str(path), *arguments])
    assert run.exit_code == 0, run.output
    assert list(load_connections(yaml.safe_load(run.stdout))) == ["d", "a", "b", "c"]


@pytest.mark.parametrize(
    ("arguments", "error", "status"),
    [
        (["--define", "1X=2"], "expected NAME or NAME=VALUE", 2),
        (["--env-file", "none"], "none: cannot be read: No such file", 1),
        (["--env-file", "environment"], "environment:2: expected NAME=VALUE", 1),
    ],
)
def test_what_is_given_wrongly_is_refused(
    cfg: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], error: str, status: int
) -> None:
    monkeypatch.chdir(cfg.parent)
    Path("environment").write_text("A=1\nno entry\n")
    run = CliRunner().invoke(onehttp, ["convert", str(cfg), *arguments])
    assert run.exit_code == status
    assert error in run.output


LINES: dict[str, tuple[str, str]] = {
    "Jinja": ("{% if debug %}", "a template?"),
    "Jinja in a text": ('modparam("http_client", "httpcon", "api=>{{ url }}/v1")', "a template?"),
    "ERB": ('modparam("http_client", "connection_timeout", <%= @t -%>)', "a template?"),
    "envsubst": ('modparam("http_client", "httpcon", "api=>${API_URL}")', "a template?"),
    "envsubst without braces": (
        'modparam("http_client", "connection_timeout", $T_S)',
        "a template?",
    ),
    "percent signs": ('modparam("http_client", "httpcon", "api=>%%URL%%")', "a template?"),
    "at signs": ('modparam("http_client", "httpcon", "api=>@URL@")', "a template?"),
    "m4": ("define(`URL', `x')dnl", "a template?"),
    "a conflict": ("<<<<<<< HEAD", "two versions"),
    "the middle of a conflict": ("=======", "two versions"),
    "the base of a conflict": ("||||||| base", "two versions"),
    "a module of a template": (
        'modparam("{{ module }}", "httpcon", "api=>http://h.example")',
        "a template?",
    ),
    "a misspelt module": (
        'modparam("http_clent", "httpcon", "api=>http://h.example")',
        "did you mean http_client?",
    ),
    "French quotes": ("loadmodule \u00abhttp_client.so\u00bb", "quotes of a word processor"),
    "quotes": ("loadmodule \u201chttp_client.so\u201d", "quotes of a word processor"),
    "two bytes a letter": ("l\0o\0a\0d\0 \0x\0", "UTF-16?"),
    "Markdown": ("```", "Markdown"),
    "a file of the module tls": ("[server:default]\nmethod = TLSv1", "the module tls?"),
    "nothing that is known": ("what is this", ""),
    "a wrong URL": ('modparam("http_client", "httpcon", "api=>nowhere")', ""),
}


@pytest.mark.parametrize("text", ["<%= @agent %>", "${AGENT}", "{% agent %}", "{{agent}}"])
@pytest.mark.parametrize("line", ['"useragent", "{}"', '"httpcon", "api=>http://{}/"'])
def test_a_text_that_a_template_fills_in_is_told_as_one(
    tmp_path: Path, line: str, text: str
) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_text(f'modparam("http_client", {line.replace("{}", text)})\n')
    run = CliRunner().invoke(onehttp, ["convert", str(path), "--json"])
    report = json.loads(run.stdout)["report"]
    assert all("a template?" in one["text"] for one in report), report


@pytest.mark.parametrize(
    "line",
    [
        'modparam("http_client", "connection_timeout", 1', 'modparam("http_client", "useragent",',
        'modparam("http_client", "httpcon"', 'modparam("http_client",\n\n"useragent", "x"',
    ],
)  # fmt: skip
@pytest.mark.parametrize("after", ["request_route {\n}", "loadmodule", "#", ""])
def test_the_line_that_lacks_something_is_blamed(tmp_path: Path, line: str, after: str) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_text(f"# first\n{line}\n\n{after}\n")
    run = CliRunner().invoke(onehttp, ["convert", str(path), "--json"])
    assert run.exit_code == 3
    (told,) = (
        one for one in json.loads(run.stdout)["report"]
        if "http_client" in one["what"] or "modparam: expected" in one["text"]
        if "kamailio.cfg:2" in one["place"] or "kamailio.cfg:4" in one["place"]
    )  # fmt: skip
    assert told["place"].endswith("kamailio.cfg:4" if "\n" in line else "kamailio.cfg:2")


@pytest.mark.parametrize("case", LINES)
def test_what_a_line_may_be_that_no_server_reads_is_said(tmp_path: Path, case: str) -> None:
    line, hint = LINES[case]
    path = tmp_path / "kamailio.cfg"
    path.write_text(f'{line}\nmodparam("http_client", "useragent", "x")\n')
    run = CliRunner().invoke(onehttp, ["convert", str(path), "--json"])
    assert run.exit_code == 3, run.output
    report = json.loads(run.stdout)["report"]
    faults = [one["text"] for one in report if one["became"] == "not understood"]
    assert len(faults) >= 1
    assert (hint in faults[0]) if hint else not any(one.endswith("?)") for one in faults), faults
    if "tls" not in hint:
        assert report[-1]["what"] == "http_client useragent"
        assert report[-1]["became"] == "converted"
