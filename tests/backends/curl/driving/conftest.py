"""The scene in which every line of what drives is met."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stand_ins.driving.scene import Scene


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with Scene() as scene:
        yield scene
