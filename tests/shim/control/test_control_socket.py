"""The control socket: who may open it, what it answers, and whatever comes in at it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import onehttp
from onehttp.cli.ctl import ctl
from onehttp.control import client
from onehttp.control.client import ask, ask_all, sockets
from onehttp.control.socket import LONGEST_LINE
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering
from stand_ins.processes import child

STRANGER = 65534


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "control"


@pytest.fixture
def path(engine: str, directory: Path) -> Iterator[Path]:
    with RawServer(keep_answering) as server:
        named = {"api": {"url": server.url, "headers": {"X-Key": "s3cr3t"}, "circuit_breaker": 5}}
        onehttp.init(connections={"version": 1, "connections": named}, backend=engine,
                     control=directory)  # fmt: skip
        yield directory / f"{os.getpid()}.sock"


def answer(path: Path, command: str, **arguments: object) -> Any:
    told = ask(path, command, PATIENCE_S, **arguments)
    assert not told.error, told.error
    return told.answer


def refusal(path: Path, command: str, **arguments: object) -> str:
    return ask(path, command, PATIENCE_S, **arguments).error


def test_the_control_socket_is_accessible_to_its_owner_only(path: Path, directory: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_without_being_asked_for_there_is_none(engine: str, directory: Path) -> None:
    onehttp.init(backend=engine)
    assert not directory.exists()


def test_a_variable_asks_for_it_too(
    engine: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEHTTP_CONTROL", str(directory))
    onehttp.init(backend=engine)
    assert sockets(directory) == [directory / f"{os.getpid()}.sock"]


def test_a_shutdown_takes_it_away_and_the_next_init_makes_it_anew(
    path: Path, engine: str, directory: Path
) -> None:
    onehttp.shutdown()
    assert not path.exists()
    onehttp.init(backend=engine, control=directory)
    assert answer(path, "stats")["pid"] == os.getpid()


def test_stats_tell_of_calls_and_of_no_secret(path: Path) -> None:
    before = _calls(answer(path, "stats"))
    onehttp.connection("api").get("/secret-path?token=s3cr3t")
    told = answer(path, "stats")
    assert _calls(told) == before + 1
    assert told["revision"] == 1
    assert "s3cr3t" not in json.dumps(told)
    (one,) = answer(path, "connections")
    assert (one["name"], one["circuit"]) == ("api", "closed")
    assert "s3cr3t" not in json.dumps(one)


def _calls(told: Any) -> int:
    return sum(each["calls"] for each in told["counts"] if each["connection"] == "api")


def test_a_reload_is_done_or_refused_and_says_which(
    engine: str, directory: Path, tmp_path: Path
) -> None:
    file = tmp_path / "connections.yaml"
    file.write_text("version: 1\nconnections: {api: {url: 'http://a.example'}}\n")
    onehttp.init(file, backend=engine, control=directory)
    path = directory / f"{os.getpid()}.sock"
    file.write_text("version: 1\nconnections: {other: {url: 'http://a.example'}}\n")
    told = answer(path, "reload")
    assert (told["revision"], told["added"], told["removed"]) == (2, ["other"], ["api"])
    file.write_text("version: 1\nconnections: {other: {}}\n")
    assert "nothing has changed" in refusal(path, "reload")
    assert list(onehttp.connections()) == ["other"]


def test_a_drain_waits_for_queries(path: Path) -> None:
    assert answer(path, "drain", timeout_s=PATIENCE_S) == {"is_drained": True, "open": 0}
    with RawServer(lambda peer: peer.wait_for_close()) as silent:
        query = onehttp.submit("GET", f"{silent.url}/x", timeout=PATIENCE_S)
        assert answer(path, "drain", timeout_s=0) == {"is_drained": False, "open": 1}
        query.cancel()
    assert answer(path, "drain", timeout_s=PATIENCE_S)["is_drained"]


def test_a_level_is_shown_and_set_for_loggers_of_ours_alone(path: Path) -> None:
    logger = logging.getLogger("onehttp.test_of_levels")
    told = answer(path, "log-level", logger=logger.name, level="ERROR")
    assert (told["level"], logger.level) == ("ERROR", logging.ERROR)
    assert answer(path, "log-level", logger=logger.name)["level"] == "ERROR"
    assert "at or below onehttp" in refusal(path, "log-level", logger="root", level="DEBUG")
    assert "expected one of" in refusal(path, "log-level", level="LOUD")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"\n", "one line of JSON"),
        (b"{}\n", "no such command; there are: stats"),
        (b"[]\n", "no such command"),
        (b'{"command": ["stats"]}\n', "no such command"),
        (b'{"command": "exit"}\n', "no such command"),
        (b'{"command": "drain", "timeout_s": "x"}\n', "expected seconds"),
        (b'{"command": "drain", "timeout_s": true}\n', "expected seconds"),
        (b"\xff\xfe\n", "one line of JSON"),
        (b"x" * (LONGEST_LINE + 1) + b"\n", "too long"),
        (b"[" * 20_000 + b"\n", "Error"),
    ],
)
def test_what_is_no_command_is_told(path: Path, line: bytes, says: str) -> None:
    assert says in _said(path, line)["error"]
    assert answer(path, "stats")["pid"] == os.getpid()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_get_one_line_of_answer(path: Path, line: bytes) -> None:
    assert "error" in _said(path, line)


def _said(path: Path, line: bytes) -> Any:
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(PATIENCE_S)
        peer.connect(str(path))
        peer.sendall(line)
        peer.shutdown(socket.SHUT_WR)
        with peer.makefile("rb") as answering:
            return json.loads(answering.readline())


def test_who_connects_and_says_nothing_keeps_no_one_waiting(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(path))
        assert answer(path, "stats")["pid"] == os.getpid()


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become somebody else")
def test_another_user_is_refused_by_the_file_and_by_the_process(engine: str) -> None:
    def stranger_is_told(path: Path, what: str) -> None:
        def ask_as_stranger() -> None:
            os.setgroups([])
            os.setgid(STRANGER)
            os.setuid(STRANGER)
            assert what in refusal(path, "reload")

        assert child(ask_as_stranger, os._exit) == 0

    with tempfile.TemporaryDirectory() as place:  # where a stranger comes, unlike in tmp_path
        os.chmod(place, 0o711)
        onehttp.init(backend=engine, control=place)
        path = Path(place, f"{os.getpid()}.sock")
        stranger_is_told(path, "Permission denied")
        path.chmod(0o777)  # as if somebody had opened it to all: the kernel still says who asks
        stranger_is_told(path, f"user {STRANGER} is neither the owner")
        onehttp.shutdown()


def test_a_directory_that_others_may_write_to_is_refused(engine: str, directory: Path) -> None:
    directory.mkdir()
    directory.chmod(0o777)
    with pytest.raises(onehttp.ConfigurationError, match="others may write there"):
        onehttp.init(backend=engine, control=directory)
    assert not onehttp.is_initialised()


@pytest.mark.parametrize("kind", ["a file", "a long path"])
def test_where_no_socket_can_be_made_init_says_so(engine: str, directory: Path, kind: str) -> None:
    place = directory / ("x" * 120)
    if kind == "a file":
        directory.write_text("")
    with pytest.raises(onehttp.ConfigurationError, match=r"^control: "):
        onehttp.init(backend=engine, control=place)


def test_a_forked_child_has_its_own(path: Path, directory: Path) -> None:
    parent = os.getpid()

    def work() -> None:
        mine = directory / f"{os.getpid()}.sock"
        assert answer(mine, "stats")["pid"] == os.getpid()
        assert answer(path, "stats")["pid"] == parent

    assert child(work, os._exit) == 0
    assert sockets(directory) == [path]


def test_what_the_dead_have_left_is_removed(path: Path, directory: Path) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    left = directory / f"{pid}.sock"
    left.touch()
    assert sockets(directory) == [path]
    assert not left.exists()


def test_all_of_a_directory_are_asked_and_who_cannot_answer_is_told(
    path: Path, directory: Path
) -> None:
    broken = directory / "broken.sock"
    broken.touch()
    told = ask_all([path, broken], "stats", PATIENCE_S)
    assert [bool(each.error) for each in told] == [False, True]


def test_another_control_directory_is_another_setting(path: Path, engine: str) -> None:
    with pytest.raises(onehttp.AlreadyInitialisedError, match=r"different here: .*control"):
        onehttp.init(connections=None, backend=engine, control="/elsewhere")


@pytest.mark.parametrize("leaves_state", [True, False])
@pytest.mark.parametrize("stands", ["before it accepts", "behind many others", "after it has read"])
def test_who_stands_still_is_named_in_bounded_time_and_all_others_do_it(
    path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch, stands: str, leaves_state: bool
) -> None:
    monkeypatch.setattr(client, "STILL_S", 0.1)
    monkeypatch.setattr(client, "IDLE_S", 0.1)
    still = directory / f"{os.getppid()}.sock"
    if leaves_state:
        left = {"at": time.time(), "answer": answer(path, "stats")}
        still.with_suffix(".json").write_text(json.dumps(left))
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(still))
        listener.listen(1)
        if stands == "after it has read":

            def read() -> None:
                peer = stack.enter_context(listener.accept()[0])
                while peer.recv(4096):
                    pass

            threading.Thread(target=read, daemon=True).start()
        elif stands == "behind many others":
            for _ in range(8):
                other = stack.enter_context(socket.socket(socket.AF_UNIX))
                other.setblocking(False)
                other.connect_ex(str(still))
        patience_s = PATIENCE_S if leaves_state or stands != "after it has read" else 0.1
        told = ask_all([still, path], "log-level", patience_s)
        assert [(each.pid, bool(each.error)) for each in told] == [
            (os.getppid(), True),
            (os.getpid(), False),
        ]
        assert "when it can" in told[0].error
        assert f"{PATIENCE_S:g} s" not in told[0].error  # so long nobody has waited


def test_who_does_not_read_is_said_to_be_idle_at_once(path: Path, directory: Path) -> None:
    stands_still = directory / f"{os.getppid()}.sock"  # alive, and nobody accepts there
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stands_still))
        listener.listen()
        stats = answer(path, "stats")
        for counts, since in ([], "since it began"), (stats["counts"] or [{}], "for "):
            left = {"at": time.time(), "answer": {**stats, "counts": counts}}
            stands_still.with_suffix(".json").write_text(json.dumps(left))
            for command in ("reload", "drain", "log-level"):
                told = ask(stands_still, command, PATIENCE_S)
                assert told.is_idle
                assert told.error.startswith(f"idle {since}")
            noted = ask(stands_still, "connections", PATIENCE_S)
            assert (noted.is_idle, noted.answer) == (True, answer(path, "connections"))
            assert ask(stands_still, "stats", PATIENCE_S).answer["pid"] == os.getpid()
        result = CliRunner().invoke(ctl, ["reload", "--directory", str(directory)])
        assert result.exit_code == 1
        assert "app_python.reload" in result.output
