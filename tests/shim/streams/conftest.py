"""What the tests of streams share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stand_ins.streaming import WAYS


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def streamed(request: pytest.FixtureRequest, api: str) -> Callable[..., Any]:
    """Reads a response: in a thread and in a task, on each engine."""
    way: Callable[..., Any] = request.param
    return way
