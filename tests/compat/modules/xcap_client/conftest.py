"""An XCAP server, the table, and the module bound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from onehttp.xcap import XcapStore
from onehttp_compat.server import LegacyServer
from onehttp_compat.xcap_client import (
    XcapApi,
)
from servers.xcap import XcapServer
from stand_ins.legacy.xcap_calls import loaded


@pytest.fixture
def far() -> Iterator[XcapServer]:
    with XcapServer() as running:
        yield running


@pytest.fixture
def table(tmp_path: Path) -> XcapStore:
    """The table, as others see it."""
    return XcapStore(f"sqlite:///{tmp_path}/xcap.sqlite")


@pytest.fixture
def api(legacy: LegacyServer, tmp_path: Path) -> XcapApi:
    return loaded(legacy, tmp_path)
