"""A script that is read anew as the server does it: by ``importlib.reload``, then its functions."""

from __future__ import annotations

import importlib
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from onehttp_compat.kamailio.reload.guard import ReloadGuard
from onehttp_compat.kamailio.reload.spreading import Spreading
from onehttp_compat.server_config import read_server_config

NAME = "script_of_the_guard"
GOOD = """
VERSION = {version}
class Script:
    def __init__(self):
        self.ranks = []
    def child_init(self, rank):
        self.ranks.append(rank)
        return 0
    def version(self):
        return VERSION
    def ksr_request_route(self, message):
        return 1
    def often(self, message, event):
        return 1
def mod_init():
    return Script()
"""
BROKEN = {
    "no Python": "VERSION = 2\ndef broken(:\n",
    "an import that fails": "VERSION = 2\nimport no_such_module_anywhere\n",
    "an exit": "VERSION = 2\nimport sys\nsys.exit(1)\n",
    "no mod_init": "VERSION = 2\n",
    "mod_init fails": "VERSION = 2\ndef mod_init():\n    raise ValueError\n",
    "mod_init makes nothing": "VERSION = 2\ndef mod_init():\n    return None\n",
    "child_init fails": GOOD.format(version=2).replace("return 0", "raise OSError"),
    "child_init refuses": GOOD.format(version=2).replace("return 0", "return -1"),
    "child_init says nothing": GOOD.format(version=2).replace("return 0", "return"),
    "no request route": GOOD.format(version=2).replace("ksr_request_route", "request_route"),
    "no route of a timer": GOOD.format(version=2).replace("often", "seldom"),
}


class Server:
    """What the server does with its script, and nothing that goes wrong in it."""

    def __init__(self, folder: Path, guard: ReloadGuard) -> None:
        self.file = folder / f"{NAME}.py"
        self.guard = guard
        self.file.write_text(GOOD.format(version=1))
        self.module: ModuleType = importlib.import_module(NAME)
        self.script: Any = None
        self.begin()

    def begin(self) -> None:
        self.script = self.module.mod_init()
        assert self.script.child_init(1) >= 0
        self.guard.begins(self.script, 1)

    def reload(self, text: str | None) -> None:
        if text is None:
            self.file.unlink()
        else:
            self.file.write_text(text)
        self.module = importlib.reload(self.module)
        self.begin()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    config = tmp_path / "kamailio.cfg"
    config.write_text(
        f'modparam("app_python3", "load", "{tmp_path}/{NAME}.py")\n'
        'modparam("rtimer", "exec", "timer=own;route=often")\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    told: set[str] = set()
    guard = ReloadGuard(Spreading(), _once(told))
    guard.watch(read_server_config(config))
    yield Server(tmp_path, guard)
    guard.close()
    sys.modules.pop(NAME, None)


def _once(told: set[str]) -> Callable[[str], bool]:
    def is_new(text: str) -> bool:
        is_first = text not in told
        told.add(text)
        return is_first

    return is_new


def test_a_new_script_is_in_force_and_told_of_its_process_once(server: Server) -> None:
    first = server.script
    server.reload(GOOD.format(version=2))  # within the second: no bytecode is taken for it
    assert (server.script.version(), server.script.ranks) == (2, [1])
    assert server.script is not first


@pytest.mark.parametrize("broken", [*BROKEN, "no file"])
def test_a_script_that_cannot_be_used_changes_nothing(
    server: Server, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, names = server.script, dict(vars(server.module))
    for _ in range(3):
        server.reload(BROKEN.get(broken))
        assert (server.script, server.script.version()) == (first, 1)
        for each in ("VERSION", "Script", "__file__"):
            assert getattr(server.module, each) == names[each]
        server.file.touch()
    (record, *others) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "the script stays as it was" in record.getMessage()
    assert len(others) == 2  # each reload is told of, by one process
    assert server.guard.references == [traceback.format_exception] * 3
    server.reload(GOOD.format(version=3))
    assert server.script.version() == 3


def test_other_modules_are_read_as_ever(server: Server) -> None:
    assert server.guard.find_spec("json", None, importlib.import_module("json")) is None
    assert server.guard.find_spec(NAME) is None


def test_a_script_that_is_changed_while_it_is_read_is_read_again(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    mended = server.file.with_name("mended.py")
    mended.write_text(GOOD.format(version=3))
    server.reload(f"import os\nos.replace({str(mended)!r}, __file__)\nraise ValueError\n")
    assert server.script.version() == 3
    assert not caplog.records
