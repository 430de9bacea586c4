"""``onehttp kamailio init`` and ``check``."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from onehttp_compat.cli.kamailio.command import kamailio
from onehttp_compat.cli.kamailio.files import FILES
from servers.kamailio import inside as kamailio_inside
from servers.kamailio.calls import Caller
from servers.kamailio.readiness import telling_ready
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer

SENT_AGAIN = """modparam("tm", "retr_timer1", 4000)
modparam("tm", "fr_timer","""


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(kamailio, arguments)
    return result.exit_code, result.output


def test_init_writes_a_server_that_check_finds_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onehttp_compat.cli.kamailio.check._of_python", lambda: iter(()))
    folder = tmp_path / "new"
    code, output = run("init", str(folder))
    assert code == 0
    assert {path.name for path in folder.iterdir()} == set(FILES)
    assert str(folder / "kamailio.cfg") in output
    code, output = run("check", str(folder / "kamailio.cfg"), "--json")
    found = json.loads(output)
    assert (code, [one for one in found if one["level"] != "fact"]) == (0, [])
    assert any("work on queries: 1" in one["text"] for one in found)


def test_init_writes_over_nothing_unless_told(tmp_path: Path) -> None:
    (tmp_path / "routing.py").write_text("mine")
    code, output = run("init", str(tmp_path))
    assert (code, (tmp_path / "routing.py").read_text()) == (1, "mine")
    assert "routing.py" in output
    assert run("init", str(tmp_path), "--force")[0] == 0


@pytest.mark.parametrize(
    "name", ["it's here", 'a"b', "100%", "a--b", "a\\b", "a;b", "$HOME", "a\nb"]
)
def test_init_refuses_a_name_that_what_it_writes_cannot_hold(tmp_path: Path, name: str) -> None:
    code, output = run("init", str(tmp_path / name))
    assert (code, list(tmp_path.iterdir())) == (1, [])
    assert "use only letters, digits" in output


@pytest.mark.parametrize("port", ["0", "-1", "65536", "5060x"])
def test_init_refuses_a_port_that_is_none(tmp_path: Path, port: str) -> None:
    code, output = run("init", str(tmp_path), "--port", port)
    assert (code, list(tmp_path.iterdir())) == (2, [])
    assert "--port" in output


def test_check_says_what_is_missing_and_what_is_dangerous(tmp_path: Path) -> None:
    file = tmp_path / "kamailio.cfg"
    file.write_text(
        '#!KAMAILIO\nloadmodule "tm.so"\nloadmodule "tls.so"\nloadmodule "http_client.so"\n'
        'modparam("http_client", "httpcon", "x")\nmodparam("tm", "fr_timer", 400)\n'
    )
    code, output = run("check", str(file), "--json")
    found = {(one["level"], one["text"]) for one in json.loads(output)}
    assert code == 1
    for level, part in (
        ("missing", 'loadmodule "tmx.so"'),
        ("missing", "route=onehttp_drive"),
        ("missing", "httpcon"),
        ("danger", "http_client is loaded beside tls"),
        ("danger", "fr_timer = 400"),
    ):
        assert any(level == one and part in text for one, text in found), (level, part)
    code, output = run("check", str(file))
    assert code == 1
    assert "to mend" in output


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('modparam("http_client", "httpcon", "a=>http://x.example")', "setup(KSR, cfg=FILE)"),
        ('modparam("tm", "fr_timer", 5000)\nloadmodule "tm.so"', "load it before"),
        ('loadmodule "tls.so"\nloadmodule "http_client.so"', "crash the server"),
    ],
)
def test_what_check_says_and_its_status_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, told: str
) -> None:
    monkeypatch.setattr("onehttp_compat.cli.kamailio.check._of_python", lambda: iter(()))
    file = tmp_path / "kamailio.cfg"
    file.write_text(f"#!KAMAILIO\n{lines}\n")
    code, output = run("check", str(file), "--synchronous")
    assert code == 1
    assert told in " ".join(output.split())  # it is folded
    assert "ready" not in output
    for text, has_none in (("", True), ('loadmodule "app_python3.so"\n', False)):
        file.write_text(f"#!KAMAILIO\n{text}")
        code, output = run("check", str(file), "--synchronous")
        assert (code, "ready" in output) == (0, True)
        assert ("no line loads app_python3" in output) == has_none


def test_the_server_that_init_writes_asks_before_it_answers(
    same_python: None, tmp_path: Path
) -> None:
    def known(peer: Peer) -> None:
        while request := peer.request():
            status = b"200 OK" if b" /alice " in request else b"404 Not Found"
            peer.send(b"HTTP/1.1 %s\r\nContent-Length: 6\r\n\r\nAlice\n" % status)

    assert run("init", str(tmp_path))[0] == 0
    script = tmp_path / "routing.py"
    script.write_text(telling_ready(script.read_text()))
    template = (tmp_path / "kamailio.cfg").read_text().replace("127.0.0.1:5060", "127.0.0.1:{port}")
    template = template.replace('modparam("tm", "fr_timer",', SENT_AGAIN)
    with RawServer(known) as backend:
        connections = tmp_path / "connections.yaml"
        connections.write_text(
            connections.read_text().replace("http://127.0.0.1:8080", backend.url)
        )
        with kamailio_inside.running(tmp_path, script, dict(os.environ), template) as inside:
            caller = Caller(inside.port)
            assert caller.final(caller.invite("alice")) == "480 Known: Alice"
            assert caller.final(caller.invite("bob")) == "404 Unknown"
            caller.without_ack("carol")
            assert list(caller.received.values())[:2] == [1, 1]  # their ACKs have ended them
            assert caller.final(caller.invite("")) == "484 Address Incomplete"
            caller.close()
            assert (tmp_path / "kamailio_ctl").is_socket()
            for user in ("alice", "bob"):
                where = ("-s", user, "-m", "1", f"127.0.0.1:{inside.port}")
                call = ["sipp", "-sf", str(tmp_path / "call.xml"), *where, "-nostdin"]
                subprocess.run(call, check=True, capture_output=True, timeout=PATIENCE_S)
            assert "legacy call" not in inside.log()
