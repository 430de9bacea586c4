"""The example of a server that has moved from the native modules."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from onehttp_compat.cli.kamailio.command import kamailio
from onehttp_compat.server_config import read_server_config
from servers.kamailio import inside as kamailio_inside
from servers.kamailio.calls import Caller
from servers.kamailio.readiness import telling_ready
from servers.raw import Peer, RawServer

FOLDER = Path(__file__).parents[4] / "examples" / "moving"
NATIVE = ("http_client", "http_async_client")


def lines(name: str, *, of: tuple[str, ...]) -> list[tuple[str, str, object]]:
    config = read_server_config(FOLDER / name)
    return [(each.modules, each.name, each.value) for each in config.modparams()
            if any(map(each.is_about, of))]  # fmt: skip


def test_the_parameters_of_the_example_are_moved_unchanged() -> None:
    assert lines("http.cfg", of=NATIVE) == lines("before.cfg", of=NATIVE) != []
    assert lines("after.cfg", of=NATIVE) == []


def test_check_says_what_the_first_lacks_and_that_the_second_is_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("onehttp_compat.cli.kamailio.check._of_python", lambda: iter(()))
    for name, status, said in (("before.cfg", 1, "route=onehttp_drive"), ("after.cfg", 0, "ready")):
        result = CliRunner().invoke(kamailio, ["check", str(FOLDER / name)])
        assert (result.exit_code, said in result.output) == (status, True)


def test_the_example_answers_a_call(same_python: None, tmp_path: Path) -> None:
    def known(peer: Peer) -> None:
        while request := peer.request():
            status = b"200 OK" if b" /users/alice " in request else b"404 Not Found"
            peer.send(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status)

    for name in ("routing.py", "http.cfg"):
        shutil.copy(FOLDER / name, tmp_path)
    script = tmp_path / "routing.py"
    template = (FOLDER / "after.cfg").read_text()
    template = template.replace("127.0.0.1:5060", "127.0.0.1:{port}\nauto_aliases=no")
    template = template.replace("/etc/kamailio/routing.py", "{script}")
    with RawServer(known) as backend:
        text = script.read_text().replace("http://127.0.0.1:8080", backend.url)
        script.write_text(telling_ready(text))
        with kamailio_inside.running(tmp_path, script, dict(os.environ), template) as inside:
            caller = Caller(inside.port)
            assert caller.final(caller.invite("alice")) == "480 Asked"
            assert caller.final(caller.invite("")) == "404 Asked"
            caller.close()
