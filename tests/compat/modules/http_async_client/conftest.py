"""A script around asynchronous queries."""

from __future__ import annotations

import pytest

from onehttp_compat.server import LegacyServer
from stand_ins.legacy.asking import Script


@pytest.fixture
def script(legacy: LegacyServer) -> Script:
    return Script(legacy)
