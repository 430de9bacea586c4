"""Fixtures of the tests of limits that processes share: a server, and other processes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import onehttp
from servers.brokers.redis import RedisServer

_WORKER = """
import json, sys, onehttp
onehttp.init(connections=json.loads(sys.argv[1]))
api = onehttp.connection("api")
print("ready", flush=True)
for path in sys.stdin:
    try:
        print(api.get(path.strip()).status, flush=True)
    except onehttp.OnehttpError as error:
        print(type(error).__name__, flush=True)
"""


class Worker:
    """Another process, with a configuration."""

    def __init__(self, connections: dict[str, Any]) -> None:
        command = [sys.executable, "-c", _WORKER, json.dumps(connections)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.told() == "ready"

    def begin(self, path: str) -> None:
        """Have it call."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()

    def told(self) -> str:
        """The status, or the type of the error."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def call(self, path: str) -> str:
        """Both."""
        self.begin(path)
        return self.told()


MakeWorker: TypeAlias = Callable[[dict[str, Any]], Worker]


@pytest.fixture
def redis(debian: None, tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def worker() -> Iterator[MakeWorker]:
    """Makes processes, which end with the test."""
    with contextlib.ExitStack() as ending:

        def made(connections: dict[str, Any]) -> Worker:
            found = Worker(connections)
            ending.enter_context(found.process)
            ending.callback(found.process.kill)
            return found

        yield made


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    yield
    onehttp.shutdown()
