"""Scripts in a server that is made for each test."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from onehttp_compat.script.serving import serving
from onehttp_compat.script.sip_server import SipServer
from onehttp_compat.server import LegacyServer
from servers.raw import RawServer, keep_answering
from stand_ins.legacy.loading import Load


@pytest.fixture
def load(tmp_path: Path, legacy: LegacyServer) -> Iterator[Load]:
    path = tmp_path / "script.py"
    with ExitStack() as servers:

        def load(text: str, method: str | None = None, **settings: Any) -> SipServer:
            path.write_text(textwrap.dedent(text))
            return servers.enter_context(serving(path, legacy, method, **settings))

        yield load


@pytest.fixture
def ok() -> Iterator[RawServer]:
    with RawServer(keep_answering) as server:
        yield server
