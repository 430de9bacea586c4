"""``onehttp migrate config``: what of a kamailio.cfg moves, what stays, and the patch."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp
from onehttp_compat.server_config import read_server_config
from servers.patience import PATIENCE_S

CFG = """loadmodule "tm.so"
loadmodule "http_client.so"
loadmodule "http_async_client.so"  # queries
modparam("http_client", "httpcon", "api=>http://u:s3cret@h.example/x")
modparam("http_client",
  "connection_timeout", 2)
modparam("http_async_client", "workers", 2)
modparam("tm", "fr_timer", 1000)
request_route {
  http_async_query("http://h/", "R");
  http_async_query("http://h/", "R");
}
"""


@pytest.fixture
def cfg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    path = Path("kamailio.cfg")
    path.write_text(CFG)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(onehttp, ["migrate", "config", *map(str, arguments)])


def test_what_routes_call_stays_and_what_scripts_call_goes(cfg: Path) -> None:
    told = json.loads(run(cfg, "--json").stdout)
    assert told["staying"] == ["http_async_client"]
    assert told["going"] == ["http_client"]
    (call,) = told["calls"]
    assert (call["function"], call["count"]) == ("http_async_query", 2)
    assert "request_route" in call["route"]
    assert "onehttp.submit" in call["replacement"]
    assert "api:" in told["yaml"]


def test_the_patch_applies_and_what_it_leaves_is_told(cfg: Path) -> None:
    done = run(cfg, "--patch")
    subprocess.run(["patch", "-p1"], input=done.stdout, text=True, check=True, timeout=PATIENCE_S)
    config = read_server_config(cfg)
    assert config.modules() == ["tm", "http_async_client"]
    assert [line.name for line in config.modparams()] == [
        "connection_timeout", "workers", "fr_timer",
    ]  # fmt: skip
    cfg.write_text(CFG)
    assert json.loads(run(cfg, "--json").stdout)["by_hand"] == [
        "kamailio.cfg:5: a statement of several lines, or several in one"
    ]


@pytest.mark.parametrize(
    "odd",
    [
        b"# a\x0cb\n",
        b"# a\xe2\x80\xa8b\n",
        b"# a\x0bb\xc2\x85c\x1cd\n",
        b"# a\rb\n",
        b"# caf\xe9\r\n",
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_the_patch_takes_out_its_lines_whatever_else_looks_like_the_end_of_one(
    cfg: Path, odd: bytes, end: bytes
) -> None:
    lines = [b'loadmodule "tm.so"\n', odd, b'loadmodule "http_client.so"' + end]
    cfg.write_bytes(b"".join(lines))
    done = run(cfg, "--patch")
    command = ["patch", "--binary", "-p1"]
    subprocess.run(command, input=done.stdout_bytes, check=True, timeout=PATIENCE_S)
    assert cfg.read_bytes() == b"".join([*lines[:2], b"#onehttp# " + lines[2]])
    cfg.write_bytes(b"".join(lines))
    assert "#onehttp# loadmodule" in run(cfg).stdout


def test_people_get_tables_and_passwords_are_no_part_of_them(cfg: Path) -> None:
    shown = run(cfg).stdout
    for said in (
        "httpcon",
        "These modules stay loaded: http_async_client.",
        "#onehttp# loadmodule",
    ):
        assert said in shown
    assert "s3cret" not in shown.partition("this patch")[0]


def test_a_configuration_without_http_says_so(cfg: Path) -> None:
    cfg.write_text('loadmodule "tm.so"\n')
    assert "The configuration has no lines about the HTTP modules." in run(cfg).stdout
    assert "cannot be read" in run("gone.cfg").output
