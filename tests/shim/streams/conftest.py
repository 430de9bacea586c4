"""What the tests of streams share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import onehttp
from servers.raw import RawServer
from stand_ins.streams.reading import WAYS
from stand_ins.streams.uploads import WHOLE, Uploads, sent_in_task, sent_in_thread


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def streamed(request: pytest.FixtureRequest, api: str) -> Callable[..., Any]:
    """Reads a response: in a thread and in a task, on each engine."""
    way: Callable[..., Any] = request.param
    return way


@pytest.fixture
def taken() -> Uploads:
    return Uploads()


@pytest.fixture
def server(taken: Uploads) -> Iterator[RawServer]:
    with RawServer(taken) as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Any]:
    (tmp_path / "body").write_bytes(WHOLE)
    with (tmp_path / "body").open("rb") as opened:
        yield opened


@pytest.fixture(params=[sent_in_thread, sent_in_task], ids=["thread", "task"])
def sent(request: pytest.FixtureRequest, api: str) -> Callable[..., onehttp.Response]:
    found: Callable[..., onehttp.Response] = request.param
    return found
