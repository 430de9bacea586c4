"""Fixtures of the tests of limits that processes share: a server, and other processes."""

from __future__ import annotations

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
for line in sys.stdin:
    said = json.loads(line)
    try:
        if isinstance(said, str):
            print(onehttp.connection("api").get(said).status, flush=True)
        else:
            onehttp.shutdown()
            onehttp.init(connections=said)
            print("ready", flush=True)
    except onehttp.OnehttpError as error:
        print(type(error).__name__, flush=True)
"""


class Worker:
    """Another process, which serves one test after the other."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._asked = 0

    def configure(self, connections: dict[str, Any]) -> None:
        """An engine anew."""
        self._say(connections)
        assert self.told() == "ready"

    def begin(self, path: str) -> None:
        """Have it call."""
        self._say(path)

    def told(self) -> str:
        """The status, or the type of the error."""
        assert self.process.stdout is not None
        told = self.process.stdout.readline().strip()
        self._asked -= 1
        return told

    def call(self, path: str) -> str:
        """Both."""
        self.begin(path)
        return self.told()

    def is_idle(self) -> bool:
        """It may serve another test."""
        return not self._asked and self.process.poll() is None

    def _say(self, what: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{json.dumps(what)}\n")
        self.process.stdin.flush()
        self._asked += 1

    def end(self) -> None:
        """Whatever it does."""
        with self.process:
            self.process.kill()


MakeWorker: TypeAlias = Callable[[dict[str, Any]], Worker]


@pytest.fixture
def redis(debian: None, tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture(scope="session")
def idle_workers() -> Iterator[list[Worker]]:
    """Processes that tests have done with."""
    idle: list[Worker] = []
    yield idle
    for each in idle:
        each.end()


@pytest.fixture
def worker(idle_workers: list[Worker]) -> Iterator[MakeWorker]:
    """Makes other processes, one for each configuration."""
    made: list[Worker] = []

    def configured(connections: dict[str, Any]) -> Worker:
        made.append(idle_workers.pop() if idle_workers else Worker())
        made[-1].configure(connections)
        return made[-1]

    yield configured
    for each in made:
        if each.is_idle():
            idle_workers.append(each)
        else:
            each.end()


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    yield
    onehttp.shutdown()
