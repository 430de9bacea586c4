"""Control sockets of the real server's processes, whose threads stand still while they are idle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from onehttp.control.asking import ask, ask_all, sockets
from servers.kamailio import inside as kamailio_inside
from servers.raw import RawServer, keep_answering

SCRIPT = Path(__file__).with_name("control_script.py")
SOON_S = 0.5


@pytest.fixture
def backend(debian: None) -> Iterator[RawServer]:
    if not kamailio_inside.same_python():
        pytest.skip("the server runs another Python, which finds nothing of this one")
    with RawServer(keep_answering) as running:
        yield running


def test_idle_workers_are_known_by_what_they_left_and_do_what_they_were_told_when_they_can(
    tmp_path: Path, backend: RawServer
) -> None:
    connections, directory = tmp_path / "connections.yaml", tmp_path / "control"
    text = "version: 1\nconnections: {{api: {{url: '{}', retry: {}}}}}\n"
    connections.write_text(text.format(backend.url, 2))
    environment = {"TEST_CONNECTIONS": str(connections), "ONEHTTP_CONTROL": str(directory)}
    with kamailio_inside.running(tmp_path, SCRIPT, environment) as inside:
        status, revision, pid = inside.ask("x").split()
        assert (status, revision) == ("200", "1")
        told = ask_all(sockets(directory), "stats", SOON_S)
        assert [each.error for each in told] == [""] * len(told)
        by_pid = {each.pid: each for each in told}
        (count,) = by_pid[int(pid)].answer["counts"]
        assert (count["connection"], count["calls"], count["code"]) == ("api", 1, "200")
        connections.write_text(text.format(backend.url, 3))
        worker = directory / f"{pid}.sock"
        assert "it does it when it can" in ask(worker, "reload", SOON_S).error
        assert inside.ask_until("x", f"200 2 {pid}") == f"200 2 {pid}"
