"""What the tests of engines have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from onehttp_backends import observed
from stand_ins.loops import pytest_generate_tests

__all__ = ["pytest_generate_tests"]


@pytest.fixture
def nobody_observes() -> Iterator[None]:
    """Without those that other tests have left, as `onehttp.control.tally` is meant to stay."""
    observers = observed._told.observers
    for each in observers:
        observed.leave(each)
    yield
    for each in observers:
        observed.observe(each)
